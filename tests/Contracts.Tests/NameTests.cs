using System.Reflection;

namespace Platform.Contracts.Tests;

public sealed class NameTests
{
    private static readonly StudyContext Study = new()
    {
        Tenant = "general",
        StudyId = "0123456789abcdef0123456789abcdef",
        Revision = 2,
        CorrelationId = Guid.Empty,
    };

    [Fact]
    public void A_study_s_blobs_are_where_they_have_always_been()
    {
        const string revision = "general/studies/0123456789abcdef0123456789abcdef/r2/";
        Assert.Equal(revision, BlobNames.Revision(Study));
        Assert.Equal(
            $"{Study.Tenant}/studies/{Study.StudyId}/input/ab.dcm",
            BlobNames.Received(Study, "ab.dcm")
        );
        Assert.Equal(revision + "manifest.json", BlobNames.Manifest(Study));
        Assert.Equal(revision + "plan.json", BlobNames.Plan(Study));
        Assert.Equal(revision + "volumes/s1.nii.zst", BlobNames.Volume(Study, "s1"));
        Assert.Equal(revision + "volumes/s2-on-s1.nii.zst", BlobNames.Aligned(Study, "s2", "s1"));
        Assert.Equal(
            revision + "m@1.0.0/s1/labels.nii.zst",
            BlobNames.Labels(Study, "m@1.0.0", "s1")
        );
        Assert.Equal(
            revision + "m@1.0.0/s1/volume.nii.zst",
            BlobNames.SuperResolved(Study, "m@1.0.0", "s1")
        );
        Assert.Equal(
            revision + "m@1.0.0/s1/provenance.json",
            BlobNames.Provenance(Study, "m@1.0.0", "s1")
        );
        Assert.Equal(
            revision + "m@1.0.0/s1/quality.json",
            BlobNames.Quality(Study, "m@1.0.0", "s1")
        );
        Assert.Equal(
            revision + "m@1.0.0/s1/quality-2-of-7.json",
            BlobNames.QualityPart(Study, "m@1.0.0", "s1", 2, 7)
        );
        Assert.Equal(
            revision + "m@1.0.0/s1/constrained-cnn.onnx",
            BlobNames.ReverseClassifier(Study, "m@1.0.0", "s1")
        );
        Assert.Equal(revision + "report.json", BlobNames.Report(Study));
        Assert.Equal(revision + "failed.json", BlobNames.Failure(Study));
        Assert.Equal("general/open/0123456789abcdef0123456789abcdef-r2", BlobNames.Open(Study));
        Assert.Equal("models/m/1.0.0/model.json", BlobNames.Model("m", "1.0.0", "model.json"));
        Assert.Equal("references/a/1/set.json", BlobNames.Reference("a", "1", "set.json"));
    }

    [Fact]
    public void Everything_of_a_study_starts_in_its_tenant_and_names_no_other_revision()
    {
        var names = typeof(BlobNames)
            .GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Where(m => m.GetParameters()[0].ParameterType == typeof(StudyContext))
            .Select(m =>
                (string)
                    m.Invoke(
                        null,
                        [
                            Study,
                            .. m.GetParameters()
                                .Skip(1)
                                .Select(p =>
                                    p.ParameterType == typeof(int) ? p.Position : (object)p.Name!
                                ),
                        ]
                    )!
            )
            .ToArray();
        Assert.True(names.Length >= 10);
        Assert.All(names, name => Assert.StartsWith("general/", name, StringComparison.Ordinal));
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.StartsWith(
            BlobNames.OpenPrefix("general"),
            BlobNames.Open(Study),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_model_s_queues_do_not_change_with_its_version()
    {
        Assert.Equal("model-brain", QueueNames.Model("brain@1.0.0", StudyPriority.Routine));
        Assert.Equal("model-brain-stat", QueueNames.Model("brain@2.0.0", StudyPriority.Stat));
        Assert.Equal("model-brain", QueueNames.Model("brain", StudyPriority.Routine));
    }
}
