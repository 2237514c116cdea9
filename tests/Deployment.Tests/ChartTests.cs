using k8s;
using k8s.Models;
using Platform.Contracts;

namespace Deployment.Tests;

/// <summary>The chart renders what the services need and what a cluster accepts.</summary>
public class ChartTests
{
    private static readonly string[] Services =
    [
        "ingest",
        "preprocessing",
        "qc",
        "results",
        "training",
    ];
    private static readonly string[] Models = ["brain-structures", "brain-sr"];

    private static List<T> All<T>(string kind) => All<T>(kind, Chart.Documents);

    private static List<T> All<T>(string kind, IEnumerable<ChartDocument> documents) =>
        documents
            .Where(d => d.Kind == kind)
            .Select(d => KubernetesYaml.Deserialize<T>(d.Yaml, strict: true))
            .ToList();

    [Fact]
    public void Lints_without_a_warning() =>
        Chart.RunHelm("lint", "--strict", "--quiet", Chart.Folder, "--values", Chart.ClusterValues);

    [Fact]
    public void Every_document_is_read_strictly_so_that_no_misspelt_field_is_ignored()
    {
        foreach (var document in Chart.Documents)
        {
            object? read = document.Kind switch
            {
                "ConfigMap" => KubernetesYaml.Deserialize<V1ConfigMap>(document.Yaml, strict: true),
                "Deployment" => KubernetesYaml.Deserialize<V1Deployment>(
                    document.Yaml,
                    strict: true
                ),
                "Job" => KubernetesYaml.Deserialize<V1Job>(document.Yaml, strict: true),
                "NetworkPolicy" => KubernetesYaml.Deserialize<V1NetworkPolicy>(
                    document.Yaml,
                    strict: true
                ),
                "PodDisruptionBudget" => KubernetesYaml.Deserialize<V1PodDisruptionBudget>(
                    document.Yaml,
                    strict: true
                ),
                "Service" => KubernetesYaml.Deserialize<V1Service>(document.Yaml, strict: true),
                "ServiceAccount" => KubernetesYaml.Deserialize<V1ServiceAccount>(
                    document.Yaml,
                    strict: true
                ),
                // Of custom kinds: KEDA's are held against its own types, see KedaTests; Prometheus's is four lines.
                "ScaledObject" or "TriggerAuthentication" or "ServiceMonitor" => document,
                _ => null,
            };
            Assert.True(read is not null, $"nothing checks {document}");
        }
    }

    [Fact]
    public void A_misspelt_field_would_be_seen() =>
        Assert.ThrowsAny<Exception>(() =>
            KubernetesYaml.Deserialize<V1Service>(
                "apiVersion: v1\nkind: Service\nspec:\n  tpye: ClusterIP\n",
                strict: true
            )
        );

    [Fact]
    public void There_is_a_deployment_a_service_an_account_and_a_disruption_budget_for_each_service_and_each_model()
    {
        var expected = Services
            .Concat(Models.Select(model => $"model-{model}"))
            .Select(name => $"test-platform-{name}")
            .Order();
        foreach (
            var kind in (string[])["Deployment", "Service", "ServiceAccount", "PodDisruptionBudget"]
        )
        {
            Assert.Equal(
                expected,
                Chart.Documents.Where(d => d.Kind == kind).Select(d => d.Name).Order()
            );
        }
    }

    [Fact]
    public void Every_container_probes_startup_liveness_and_readiness_on_the_paths_the_host_serves()
    {
        foreach (
            var container in All<V1Deployment>("Deployment")
                .SelectMany(d => d.Spec.Template.Spec.Containers)
        )
        {
            Assert.Equal("/health/startup", container.StartupProbe.HttpGet.Path);
            Assert.Equal("/health/live", container.LivenessProbe.HttpGet.Path);
            Assert.Equal("/health/ready", container.ReadinessProbe.HttpGet.Path);
        }
    }

    [Fact]
    public void Every_pod_runs_without_root_on_a_read_only_root_with_no_capability_and_no_token()
    {
        foreach (var pod in Pods())
        {
            Assert.True(pod.SecurityContext.RunAsNonRoot);
            Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
            Assert.False(pod.AutomountServiceAccountToken);
            foreach (var container in pod.Containers)
            {
                Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
                Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
                Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
            }
        }
    }

    [Fact]
    public void Every_container_states_what_it_needs_and_where_memory_ends()
    {
        foreach (var container in Pods().SelectMany(p => p.Containers))
        {
            Assert.Contains("cpu", container.Resources.Requests.Keys);
            Assert.Contains("memory", container.Resources.Requests.Keys);
            Assert.Contains("memory", container.Resources.Limits.Keys);
        }
    }

    [Fact]
    public void Every_image_has_a_version_and_none_is_latest()
    {
        foreach (var container in Pods().SelectMany(p => p.Containers))
        {
            Assert.Matches(
                @"^registry\.example\.org/platform/[a-z-]+:\d+\.\d+\.\d+(-gpu)?$",
                container.Image
            );
        }
        var refused = Assert.Throws<InvalidOperationException>(() =>
            Chart.Render("--values", Chart.ClusterValues, "--set", "image.tag=latest")
        );
        Assert.Contains("/image/tag", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pod_is_killed_only_after_its_own_time_to_drain()
    {
        var drain = int.Parse(All<V1ConfigMap>("ConfigMap").Single().Data["Http__DrainSeconds"]);
        Assert.All(
            All<V1Deployment>("Deployment"),
            d => Assert.True(d.Spec.Template.Spec.TerminationGracePeriodSeconds > drain)
        );
    }

    [Fact]
    public void A_model_with_a_gpu_gets_one_card_the_gpu_pool_and_the_gpu_image_and_is_told_to_use_it()
    {
        var models = All<V1Deployment>("Deployment")
            .ToDictionary(d => d.Metadata.Name, d => d.Spec.Template.Spec);
        var withCard = models["test-platform-model-brain-structures"];
        Assert.Equal(
            "1",
            withCard.Containers.Single().Resources.Limits["nvidia.com/gpu"].ToString()
        );
        Assert.Equal("gpu", withCard.NodeSelector["platform/pool"]);
        Assert.Contains(withCard.Tolerations, t => t.Key == "nvidia.com/gpu");
        Assert.EndsWith("-gpu", withCard.Containers.Single().Image, StringComparison.Ordinal);
        Assert.Contains(
            withCard.Containers.Single().Env,
            e => e is { Name: "Inference__Device", Value: "Cuda" }
        );

        var without = models["test-platform-model-brain-sr"];
        Assert.DoesNotContain("nvidia.com/gpu", without.Containers.Single().Resources.Limits.Keys);
        Assert.Null(without.NodeSelector);
    }

    [Fact]
    public void Each_model_is_scaled_on_its_two_queues_under_the_names_the_services_use()
    {
        var scaled = Chart.Documents.Where(d => d.Kind == "ScaledObject").ToList();
        Assert.Equal(Models.Length, scaled.Count);
        foreach (var (model, document) in Models.Zip(scaled))
        {
            string[] queues =
            [
                document["spec", "triggers", "0", "metadata", "queueName"],
                document["spec", "triggers", "1", "metadata", "queueName"],
            ];
            Assert.Equal(
                [
                    QueueNames.Model(model, StudyPriority.Routine),
                    QueueNames.Model(model, StudyPriority.Stat),
                ],
                queues
            );
            Assert.Equal(
                $"test-platform-model-{model}",
                document["spec", "scaleTargetRef", "name"]
            );
        }
    }

    [Fact]
    public void A_model_that_keda_scales_states_no_replicas_and_without_keda_it_does()
    {
        Assert.All(
            All<V1Deployment>("Deployment").Where(d => d.Metadata.Name.Contains("-model-")),
            d => Assert.Null(d.Spec.Replicas)
        );
        var fixedSize = Chart.Render(
            "--values",
            Chart.ClusterValues,
            "--set",
            "keda.enabled=false"
        );
        Assert.DoesNotContain(fixedSize, d => d.Kind is "ScaledObject" or "TriggerAuthentication");
        Assert.All(
            All<V1Deployment>("Deployment", fixedSize),
            d => Assert.True(d.Spec.Replicas >= 1)
        );
    }

    [Fact]
    public void A_job_declares_the_topology_of_every_consuming_service_without_a_card()
    {
        var job = All<V1Job>("Job").Single();
        Assert.Equal("post-install,post-upgrade", job.Metadata.Annotations["helm.sh/hook"]);
        var containers = job.Spec.Template.Spec.Containers;
        string[] expected =
        [
            "preprocessing",
            "qc",
            "results",
            "training",
            .. Models.Select(model => $"model-{model}"),
        ];
        Assert.Equal(expected, containers.Select(c => c.Name));
        Assert.All(containers, c => Assert.Contains("--Bus:DeclareOnly=true", c.Args));
        Assert.All(containers, c => Assert.Equal(c.Name == "training", c.Args[0] == "serve"));
        Assert.All(
            containers,
            c => Assert.DoesNotContain("-gpu", c.Image, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Training_serves_and_qc_asks_it_where_it_is_enabled_and_there_is_neither_by_default()
    {
        var containers = All<V1Deployment>("Deployment")
            .Select(d => d.Spec.Template.Spec.Containers.Single())
            .DistinctBy(c => c.Name)
            .ToDictionary(c => c.Name);
        Assert.Equal(["serve"], containers["training"].Args);
        Assert.Null(containers["qc"].Args);
        Assert.Contains(containers["qc"].Env, e => e is { Name: "Qc__Training", Value: "true" });

        var without = Chart.Render(
            "--values",
            Chart.ClusterValues,
            "--set",
            "training.enabled=false"
        );
        var qc = All<V1Deployment>("Deployment", without)
            .Select(d => d.Spec.Template.Spec.Containers.Single())
            .DistinctBy(c => c.Name)
            .ToDictionary(c => c.Name);
        Assert.DoesNotContain("training", qc.Keys);
        Assert.DoesNotContain(qc["qc"].Env, e => e.Name == "Qc__Training");
    }

    [Fact]
    public void Network_policies_deny_by_default_and_open_no_door_to_everybody()
    {
        var policies = All<V1NetworkPolicy>("NetworkPolicy");
        Assert.Contains(
            policies,
            p => p.Spec.PolicyTypes.Contains("Ingress") && p.Spec.PolicyTypes.Contains("Egress")
        );
        Assert.All(
            policies.SelectMany(p => p.Spec.Ingress ?? []),
            rule => Assert.NotEmpty(rule.FromProperty)
        );
    }

    [Fact]
    public void No_service_is_a_node_port_or_a_load_balancer() =>
        Assert.All(All<V1Service>("Service"), s => Assert.Equal("ClusterIP", s.Spec.Type));

    [Fact]
    public void Labels_say_what_every_object_is_part_of()
    {
        foreach (var document in Chart.Documents)
        {
            Assert.Equal("platform", document["metadata", "labels", "app.kubernetes.io/part-of"]);
            Assert.Equal("test", document["metadata", "labels", "app.kubernetes.io/instance"]);
        }
    }

    [Fact]
    public void Only_results_is_given_the_database_and_only_those_who_check_keys_the_tenants()
    {
        foreach (var deployment in All<V1Deployment>("Deployment"))
        {
            var container = deployment.Spec.Template.Spec.Containers.Single();
            var service = container.Name;
            Assert.Equal(
                service == "results",
                container.Env.Any(e => e.Name == "Results__ConnectionString")
            );
            Assert.Equal(
                service is not ("preprocessing" or "qc" or "training"),
                container.EnvFrom.Any(e => e.SecretRef is not null)
            );
        }
    }

    [Theory]
    [InlineData("image.repository=")]
    [InlineData("bus.existingSecret=")]
    [InlineData("blobs.existingSecret=")]
    [InlineData("database.existingSecret=")]
    [InlineData("tenants.existingSecret=")]
    [InlineData("keda.existingSecret=")]
    [InlineData("bus.password=guest")]
    [InlineData("models[0].name=brain-stat")]
    [InlineData("services.qc.replicas=0")]
    public void A_missing_secret_an_unknown_key_or_a_name_that_would_clash_is_refused(
        string setting
    ) =>
        Assert.Throws<InvalidOperationException>(() =>
            Chart.Render("--values", Chart.ClusterValues, "--set", setting)
        );

    private static IEnumerable<V1PodSpec> Pods() =>
        All<V1Deployment>("Deployment")
            .Select(d => d.Spec.Template.Spec)
            .Append(All<V1Job>("Job").Single().Spec.Template.Spec);
}
