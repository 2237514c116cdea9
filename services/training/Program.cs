using System.Diagnostics;
using Platform.Training;
using Platform.Training.Synthesis;
using static TorchSharp.torch;

set_num_threads(int.Parse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS") ?? "1"));
var recipe = Recipe.Read(args[1]);
var atlas = LabelFolder.Read(args[2]);
if (args[0] == "look")
{
    var gen = new HeadGenerator(atlas, recipe.Generator, StructureTask.ClassOf(recipe.Structures));
    for (var n = 0; n < 12; n++)
    {
        var w = Stopwatch.StartNew();
        var s = gen.Generate(atlas.Maps[n], new FastRandom(5, n));
        Console.WriteLine($"{s.Shape} {w.ElapsedMilliseconds} ms");
        var norm = Platform.Imaging.Normaliser.Apply(new(Platform.Imaging.VolumeGeometry.Ras(s.Shape, (2, 2, 2)), s.Image), .5, 99.5);
        Console.WriteLine($"norm {w.ElapsedMilliseconds} ms");
        using var o = File.Create($"/tmp/look{n}.nii");
        Platform.Imaging.NiftiWriter.Write(o, norm);
        using var l = File.Create($"/tmp/lookl{n}.nii");
        Platform.Imaging.NiftiWriter.Write(l, new Platform.Imaging.Volume<byte>(norm.Geometry, s.Labels));
    }
    return;
}
var task = new StructureTask(recipe, atlas);
var trainer = new Trainer(task, recipe.Optimisation, recipe.Seed, m => Console.WriteLine($"{DateTime.Now:HH:mm:ss} {m}"));
trainer.Run(args[3], resume: true);
