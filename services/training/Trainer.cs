using System.Diagnostics;
using Platform.Training.Networks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>
/// Trains a task: Adam, warm-up and cosine, moving average of the weights. Samples are made ahead on threads of their own.
/// Deterministic: step n sees the same sample with the same weights whether or not the run was stopped and resumed.
/// </summary>
public sealed class Trainer(
    ITrainingTask task,
    OptimisationSettings settings,
    long seed,
    Action<string> log,
    int workers = 1
)
{
    private readonly (string Name, Tensor Value)[] _weights =
    [
        .. task.Network.named_parameters().Select(p => (p.name, (Tensor)p.parameter)),
    ];
    private readonly List<Tensor> _first = [];
    private readonly List<Tensor> _second = [];
    private readonly List<Tensor> _average = [];
    private int _step;

    /// <summary>Loss of every step run by this instance.</summary>
    public List<float> Losses { get; } = [];

    /// <summary>Trains from the checkpoint (where there is one and <paramref name="resume"/> is set) to the end.</summary>
    /// <param name="checkpoint">File for the state; null keeps none.</param>
    /// <param name="resume">Go on from the checkpoint.</param>
    /// <param name="until">Stop after this step although the schedule is longer; null runs to its end.</param>
    /// <param name="cancellation">Stops after the current step, with a checkpoint.</param>
    public void Run(
        string? checkpoint,
        bool resume,
        int? until = null,
        CancellationToken cancellation = default
    )
    {
        Start();
        if (resume && checkpoint is not null && File.Exists(checkpoint))
        {
            Checkpoint.Load(checkpoint, seed, State(), out _step);
            log($"resumed at step {_step}");
        }
        var last = Math.Min(until ?? settings.Steps, settings.Steps);
        var watch = Stopwatch.StartNew();
        var (started, recent, waited) = (_step, 0.0, TimeSpan.Zero);
        using var batches = Batches(_step, last).GetEnumerator();
        while (!cancellation.IsCancellationRequested && !Enough())
        {
            var before = watch.Elapsed;
            if (!batches.MoveNext())
            {
                break;
            }
            waited += watch.Elapsed - before;
            using var batch = batches.Current;
            var loss = Learn(batch);
            Losses.Add(loss);
            recent = recent == 0 ? loss : 0.97 * recent + 0.03 * loss;
            if (_step % 50 == 0)
            {
                var perStep = watch.Elapsed / (_step - started);
                log(
                    $"step {_step}/{settings.Steps}  loss {loss:f4}  mean {recent:f4}  {perStep.TotalMilliseconds:f1} ms/step  waited {waited.TotalSeconds:f0} s  left {perStep * (last - _step):h\\:mm\\:ss}"
                );
            }
            if (checkpoint is not null && (_step % 100 == 0 || _step == last))
            {
                Checkpoint.Save(checkpoint, seed, State(), _step);
            }
            if (_step % 200 == 0)
            {
                log($"step {_step}  held out: {WithAverage(task.Probe)}");
            }
        }
        if (checkpoint is not null && cancellation.IsCancellationRequested)
        {
            Checkpoint.Save(checkpoint, seed, State(), _step);
        }
    }

    /// <summary>Steps trained, those before a resumption included.</summary>
    public int Step => _step;

    /// <summary>Loads a checkpoint without training.</summary>
    public void Load(string checkpoint)
    {
        Start();
        Checkpoint.Load(checkpoint, seed, State(), out _step);
    }

    /// <summary>Puts the averaged weights into the network, as they are to be used.</summary>
    public void UseAverage()
    {
        using var none = no_grad();
        for (var n = 0; n < _weights.Length; n++)
        {
            _weights[n].Value.copy_(_average[n]);
        }
        task.Finish();
        task.Network.eval();
    }

    private void Start()
    {
        using var none = no_grad();
        foreach (var (_, value) in _weights)
        {
            _first.Add(zeros_like(value));
            _second.Add(zeros_like(value));
            _average.Add(value.clone());
        }
    }

    /// <summary>Step n learns from patches n·b … (n + 1)·b − 1 of the endless row of heads, b patches a step.</summary>
    private IEnumerable<Batch> Batches(int from, int last)
    {
        var (perStep, perHead) = (settings.PatchesPerStep, settings.PatchesPerHead);
        var (first, end) = ((long)from * perStep, (long)last * perStep);
        return Prefetch
            .InOrder(
                first / perHead,
                (end + perHead - 1) / perHead,
                head => task.Draw(head).ToArray(),
                workers,
                2 * Math.Max(workers, perStep / perHead)
            )
            .SelectMany(patches => patches)
            .Skip((int)(first % perHead))
            .Take((int)(end - first))
            .Chunk(perStep)
            .Select(Batch.Join);
    }

    private float Learn(Batch batch)
    {
        using var scope = NewDisposeScope();
        task.Network.train();
        if (_step >= settings.FreezeNormalisationAt * settings.Steps)
        {
            foreach (var module in task.Network.modules().OfType<BatchNorm3d>())
            {
                module.eval();
            }
        }
        foreach (var (_, weight) in _weights)
        {
            weight.grad?.zero_();
        }
        using var mixed = MixedPrecision.Scope(settings.Bfloat16);
        var loss = task.Loss(batch, _step);
        loss.backward();
        nn.utils.clip_grad_norm_(
            _weights.Select(w => (Parameter)w.Value),
            settings.LargestGradient
        );
        Update();
        return loss.item<float>();
    }

    /// <summary>Adam (Kingma and Ba 2015, β 0.9 and 0.999, ε 1e-8), then the moving average.</summary>
    private void Update()
    {
        using var none = no_grad();
        _step++;
        var warm = Math.Min(1, (double)_step / settings.WarmUpSteps);
        var rate =
            settings.LearningRate
            * warm
            * (1 + Math.Cos(Math.PI * (_step - 1) / settings.Steps))
            / 2;
        var (correct1, correct2) = (1 - Math.Pow(0.9, _step), 1 - Math.Pow(0.999, _step));
        var decay = Math.Min(settings.AverageDecay, (1.0 + _step) / (10 + _step));
        // Numbers that torch is handed are finalised like any object, even while torch reads them: these live until the end.
        using Scalar keepFirst = 0.9,
            addFirst = 0.1,
            keepSecond = 0.999,
            addSecond = 0.001,
            divideSecond = correct2,
            tiny = 1e-8,
            step = -rate / correct1,
            keepAverage = decay,
            addAverage = 1 - decay;
        for (var n = 0; n < _weights.Length; n++)
        {
            if (_weights[n].Value.grad is not { } gradient)
            {
                continue;
            }
            _first[n].mul_(keepFirst).add_(gradient, alpha: addFirst);
            _second[n].mul_(keepSecond).addcmul_(gradient, gradient, addSecond);
            var scale = (_second[n] / divideSecond).sqrt_().add_(tiny);
            _weights[n].Value.addcdiv_(_first[n], scale, step);
            _average[n].mul_(keepAverage).add_(_weights[n].Value, alpha: addAverage);
        }
    }

    /// <summary>Asked where a step begins, so that a resumed run observes from its checkpoint what the other did.</summary>
    private bool Enough()
    {
        if (_step == 0 || _step % 100 != 0 || !WithAverage(() => task.Observe(_step)))
        {
            return false;
        }
        log($"step {_step}  enough: the rest of the {settings.Steps} steps is left out");
        return true;
    }

    private T WithAverage<T>(Func<T> action)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var kept = _weights.Select(w => w.Value.clone()).ToArray();
        UseAverage();
        var result = action();
        for (var n = 0; n < _weights.Length; n++)
        {
            _weights[n].Value.copy_(kept[n]);
        }
        return result;
    }

    private IEnumerable<(string Name, Tensor Value)> State() =>
        [
            .. _weights,
            .. task
                .Network.named_buffers()
                .Where(b => b.buffer.dtype == float32)
                .Select(b => (b.name, b.buffer)),
            .. _weights.Select((w, n) => ($"first.{w.Name}", _first[n])),
            .. _weights.Select((w, n) => ($"second.{w.Name}", _second[n])),
            .. _weights.Select((w, n) => ($"average.{w.Name}", _average[n])),
        ];
}
