using System.CommandLine;
using Platform.Inference;
using Platform.Training.Adaptation;
using Platform.Training.Synthesis;
using TorchSharp;
using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>The command line: references, and a command for each recipe.</summary>
public static class TrainingCommands
{
    private static readonly Option<DirectoryInfo> Labels = OfData(
        "--labels",
        "brain-labels",
        "Folder of 1 mm FreeSurfer label maps"
    );

    private static readonly Option<DirectoryInfo> LesionMasks = OfData(
        "--lesion-masks",
        "stroke-lesion-masks",
        "Folder of lesion masks in MNI space, shapes of infarcts"
    );

    private static readonly Option<DirectoryInfo> Target = new("--target")
    {
        Description = "Folder of unlabelled NIfTI scans of one site and scanner",
        Required = true,
    };

    private static readonly Option<DirectoryInfo?> Out = new("--out")
    {
        Description = "Folder to write to; default: under shared/",
    };

    private static readonly Option<int?> Steps = new("--steps")
    {
        Description = "Optimiser steps; default: the recipe's",
    };
    private static readonly Option<long?> Seed = new("--seed")
    {
        Description = "Seed of weights and samples; default: the recipe's",
    };
    private static readonly Option<bool> Resume = new("--resume")
    {
        Description = "Go on from the last checkpoint under artifacts/training",
    };

    private static readonly Option<bool> PackageOnly = new("--package-only")
    {
        Description = "Train nothing: write the package from the last checkpoint",
    };

    private static readonly Option<int> Threads = new("--threads")
    {
        Description = "Threads for the network on a CPU",
        DefaultValueFactory = _ => 1,
    };

    private static readonly Option<int?> Workers = new("--workers")
    {
        Description =
            "Threads that make samples; default: 1, or with cuda one less than there are processors. They change no sample",
    };

    private static readonly Option<string> Where = new("--device")
    {
        Description = "cpu or cuda: where the network is trained",
        DefaultValueFactory = _ => "cpu",
    };

    /// <summary>The root command.</summary>
    public static RootCommand Create()
    {
        Where.AcceptOnlyFromAmong("cpu", "cuda");
        var root = new RootCommand(
            "Trains the platform's models from label maps, without patient images; serve [--Section:Key=value …] trains reverse classifiers on request."
        );
        root.Add(References());
        root.Add(
            Model(
                "brain-structures",
                "Train the segmentation of brain structures.",
                (recipe, atlas, device, _) => new StructureTask(recipe, atlas, device),
                PackageWriter.Write
            )
        );
        root.Add(
            Model(
                "brain-structures-tuned",
                "Train the segmentation of brain structures further, from an installed model.",
                (recipe, atlas, device, _) =>
                    new StructureTask(recipe, atlas, device).StartFrom(
                        InstalledModels.Load(recipe.Start ?? "", $"recipe {recipe.Name}: \"start\"")
                    ),
                PackageWriter.Write
            )
        );
        root.Add(
            Model(
                "super-resolution",
                "Train the super-resolution of thick brain slices.",
                (recipe, atlas, device, _) => new SuperResolutionTask(recipe, atlas, device),
                PackageWriter.Write
            )
        );
        root.Add(
            Model(
                "quality-regressor",
                "Train the direct regression of a segmentation's Dice.",
                (recipe, atlas, device, _) => CreateQualityTask(recipe, atlas, device),
                QualityPackageWriter.Write
            )
        );
        var lesions = Model(
            "lesions",
            "Train the segmentation of lesions on FLAIR.",
            (recipe, atlas, device, parsed) =>
                new LesionTask(recipe, atlas, ReadLesionMasks(recipe, parsed), device),
            LesionPackageWriter.Write
        );
        lesions.Add(LesionMasks);
        root.Add(lesions);
        var adapt = Model(
            "adapt",
            "Adapt a segmentation to the unlabelled scans of one site and scanner; writes a candidate.",
            (recipe, atlas, device, parsed) =>
                new AdaptationTask(
                    recipe,
                    atlas,
                    TargetFolder.Read(parsed.GetValue(Target)!.FullName, recipe),
                    device
                ),
            CandidateWriter.Write
        );
        adapt.Add(Target);
        root.Add(adapt);
        root.Add(LesionSamples());
        root.Add(
            Model(
                "cardiac-structures",
                "Train the segmentation of the heart on short-axis cine.",
                (recipe, _, device, _) =>
                    new StructureTask(recipe, HeartGenerator.Of(recipe), device),
                HeartPackageWriter.Write,
                needsLabels: false
            )
        );
        root.Add(
            Model(
                "cardiac-super-resolution",
                "Train the super-resolution of thick short-axis slices.",
                (recipe, _, device, _) =>
                    new SuperResolutionTask(recipe, new ThinHearts(recipe), device),
                HeartPackageWriter.Write,
                needsLabels: false
            )
        );
        root.Add(SampleCommands.Hearts());
        return root;
    }

    private static QualityTask CreateQualityTask(Recipe recipe, LabelAtlas atlas, Device device)
    {
        var judged =
            recipe.Judges
            ?? throw new InvalidDataException(
                $"recipe {recipe.Name}: \"judges\" must name a recipe"
            );
        var made = RecipeFile.Read<Recipe>(RecipePath(judged));
        return QualityTask.Judging(recipe, made, atlas, device);
    }

    private static Command References()
    {
        var command = new Command(
            "references",
            "Synthesise the default reference set for quality prediction."
        )
        {
            Labels,
            Out,
        };
        command.SetAction(parsed =>
            Guard(() =>
            {
                var recipe = RecipeFile.Read<ReferenceRecipe>(RecipePath("references"));
                var structures = RecipeFile.Read<Recipe>(RecipePath("brain-structures")).Structures;
                var folder =
                    parsed.GetValue(Out)?.FullName
                    ?? $"shared/references/{recipe.Name}/{recipe.Version}";
                ReferenceSetBuilder.Write(
                    recipe,
                    structures,
                    ReadLabels(parsed.GetValue(Labels)!),
                    folder
                );
                Log($"{recipe.Count} references in {folder}");
            })
        );
        return command;
    }

    private static Command Model<T>(
        string name,
        string description,
        Func<Recipe, LabelAtlas, Device, ParseResult, T> create,
        Action<Recipe, T, RunSummary, string> write,
        bool needsLabels = true
    )
        where T : ITrainingTask
    {
        var command = new Command(name, description)
        {
            Out,
            Steps,
            Seed,
            Resume,
            PackageOnly,
            Threads,
            Workers,
            Where,
        };
        if (needsLabels)
        {
            command.Add(Labels);
        }
        command.SetAction(
            (parsed, cancellation) =>
                Task.FromResult(
                    Guard(() =>
                    {
                        set_num_threads(parsed.GetValue(Threads));
                        var recipe = RecipeFile.Read<Recipe>(RecipePath(name));
                        recipe = recipe with
                        {
                            Seed = parsed.GetValue(Seed) ?? recipe.Seed,
                            Optimisation = recipe.Optimisation with
                            {
                                Steps = parsed.GetValue(Steps) ?? recipe.Optimisation.Steps,
                            },
                        };
                        var atlas = needsLabels
                            ? ReadLabels(parsed.GetValue(Labels)!)
                            : LabelAtlas.Build([]);
                        var device = DeviceOf(parsed.GetValue(Where)!);
                        var task = create(recipe, atlas, device, parsed);
                        var trainer = new Trainer(
                            task,
                            recipe.Optimisation,
                            recipe.Seed,
                            Log,
                            parsed.GetValue(Workers)
                                ?? (
                                    device.type == DeviceType.CPU
                                        ? 1
                                        : Math.Max(1, Environment.ProcessorCount - 1)
                                )
                        );
                        var checkpoint =
                            $"artifacts/training/{recipe.Name}@{recipe.Version}.checkpoint";
                        Directory.CreateDirectory(Path.GetDirectoryName(checkpoint)!);
                        if (parsed.GetValue(PackageOnly))
                        {
                            trainer.Load(checkpoint);
                        }
                        else
                        {
                            trainer.Run(
                                checkpoint,
                                parsed.GetValue(Resume),
                                cancellation: cancellation
                            );
                        }
                        if (cancellation.IsCancellationRequested)
                        {
                            Log($"stopped at step {trainer.Step}; go on with --resume");
                            return;
                        }
                        trainer.UseAverage();
                        var folder =
                            parsed.GetValue(Out)?.FullName
                            ?? $"shared/models/{recipe.Name}/{VersionOf(recipe)}";
                        var heads =
                            recipe.Optimisation.HeldOutHeads
                            * Math.Max(1, recipe.Optimisation.HeldOutMaps.Count);
                        write(
                            recipe,
                            task,
                            new(
                                $"./platform train {name} --steps {recipe.Optimisation.Steps} --seed {recipe.Seed} --device {parsed.GetValue(Where)}",
                                device.type != DeviceType.CPU ? "One GPU"
                                    : parsed.GetValue(Threads) == 1 ? "One CPU thread"
                                    : $"{parsed.GetValue(Threads)} CPU threads",
                                trainer.Step,
                                atlas.Maps.Count,
                                heads
                            ),
                            folder
                        );
                        Log($"package in {folder}");
                    })
                )
        );
        return command;
    }

    /// <summary>What is adapted is a candidate for its version.</summary>
    private static string VersionOf(Recipe recipe) =>
        recipe.Adaptation is null ? recipe.Version : SemanticVersion.Candidate(recipe.Version);

    private static Command LesionSamples() =>
        SampleCommands.Create(
            "lesion-samples",
            "Draw the first synthetic heads of the lesion recipe",
            [Labels, LesionMasks],
            parsed =>
            {
                var recipe = RecipeFile.Read<Recipe>(RecipePath("lesions"));
                // Necks of one length make slices of one height.
                recipe = recipe with
                {
                    Generator = recipe.Generator with { CropBelow = 0 },
                };
                var task = new LesionTask(
                    recipe,
                    ReadLabels(parsed.GetValue(Labels)!),
                    ReadLesionMasks(recipe, parsed)
                );
                return (task.Sample, task.Draw);
            }
        );

    private static IReadOnlyList<LesionMask> ReadLesionMasks(Recipe recipe, ParseResult parsed)
    {
        var masks = recipe.Lesions is { InfarctFraction: > 0 }
            ? LesionMask.ReadFolder(parsed.GetValue(LesionMasks)!.FullName)
            : [];
        Log($"{masks.Count} lesion masks");
        return masks;
    }

    private static LabelAtlas ReadLabels(DirectoryInfo folder)
    {
        var atlas = LabelFolder.Read(folder.FullName);
        Log($"{atlas.Maps.Count} label maps, {atlas.Values.Count} label values");
        foreach (var value in atlas.Unknown)
        {
            Log(
                $"label {value} is unknown: drawn with a random contrast, background in the target"
            );
        }
        return atlas;
    }

    private static Device DeviceOf(string name) =>
        name == "cpu" || cuda.is_available()
            ? device(name)
            : throw new InvalidDataException(
                "CUDA was asked for, and torch sees no such device: services/training/README.md says what a build for it needs"
            );

    internal static string RecipePath(string name) =>
        Path.Combine(AppContext.BaseDirectory, "recipes", $"{name}.json");

    internal static void Log(string message) =>
        Console.WriteLine($"{DateTime.Now:HH:mm:ss} {message}");

    /// <summary>Faults of the user's input are one line and exit code 1.</summary>
    internal static int Guard(Action action)
    {
        try
        {
            action();
            return 0;
        }
        catch (Exception e)
            when (e
                    is InvalidDataException
                        or IOException
                        or ModelPackageException
                        or UnauthorizedAccessException
                        or Imaging.VolumeException
            )
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static Option<DirectoryInfo> OfData(string name, string folder, string description) =>
        new(name)
        {
            Description = $"{description}; default: {folder} under PLATFORM_DATA",
            DefaultValueFactory = _ =>
                new(
                    Path.Combine(Environment.GetEnvironmentVariable("PLATFORM_DATA") ?? ".", folder)
                ),
        };
}
