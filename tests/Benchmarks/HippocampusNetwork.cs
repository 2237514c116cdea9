using Platform.Imaging;
using Platform.Inference;
using Platform.Training;
using Platform.Training.Networks;
using static TorchSharp.torch;

namespace Platform.Benchmarks;

/// <summary>A small network that learnt the hippocampus's parts from experts' labels, for long or shortly: segmentations as models make them.</summary>
sealed class HippocampusNetwork
{
    const int Seed = 20264;

    /// <summary>How often a network saw every crop, each in another patch.</summary>
    static readonly double[] Epochs = [0.5, 1, 2, 5];

    static readonly byte[] Classes = [0, 1, 2];

    readonly ReverseNetwork _network;
    readonly string _source;

    HippocampusNetwork(string source, byte[] onnx)
    {
        _source = source;
        _network = new(onnx, Classes);
    }

    /// <summary>Trains one network for each number of epochs.</summary>
    /// <param name="crops">What they learn from.</param>
    public static IReadOnlyList<HippocampusNetwork> Train(IReadOnlyList<LabelledScan> crops)
    {
        ReverseSampler[] samplers =
        [
            .. crops.Select(crop => new ReverseSampler(
                ContextImage.Of(crop.Image),
                crop.Labels,
                ReverseTask.Edge,
                Seed
            )),
        ];
        return
        [
            .. Epochs.Select(epochs => new HippocampusNetwork(
                $"network of {epochs} epochs",
                Train(samplers, (int)(epochs * crops.Count))
            )),
        ];
    }

    /// <summary>Segments a crop.</summary>
    public Segmentation Segment(Volume<float> image) =>
        new(_source, _network.Label(ContextImage.Of(image), CancellationToken.None));

    static byte[] Train(ReverseSampler[] samplers, int steps)
    {
        using var scope = NewDisposeScope();
        var task = new CropTask(samplers);
        var trainer = new Trainer(task, ReverseTask.Settings(steps), Seed, _ => { });
        trainer.Run(checkpoint: null, resume: false);
        trainer.UseAverage();
        return task.Network.ToOnnx();
    }

    sealed class CropTask : ITrainingTask
    {
        readonly ReverseSampler[] _samplers;

        public CropTask(ReverseSampler[] samplers)
        {
            _samplers = samplers;
            random.manual_seed(Seed);
            Network = new StructureNet([8, 16, 16], 8, Classes.Length, ReverseNetwork.Channels);
        }

        public StructureNet Network { get; }

        nn.Module<Tensor, Tensor> ITrainingTask.Network => Network;

        public Device Device => CPU;

        public IEnumerable<Batch> Draw(long index) =>
            [_samplers[index % _samplers.Length].Draw(index)];

        public Tensor Loss(Tensor output, Tensor target) => SegmentationLoss.Of(output, target);

        public string Probe() => "";
    }
}
