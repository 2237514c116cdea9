using MassTransit;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Preprocessing;

/// <summary>Sends the commands of planned outputs that can be made now and are not there yet.</summary>
internal static class PlannedCommands
{
    /// <summary>Sends for those of <paramref name="outputs"/> whose input exists and whose output does not.</summary>
    public static async Task SendMissingAsync(
        this ConsumeContext context,
        IBlobStore blobs,
        StudyContext study,
        IEnumerable<PlannedOutput> outputs
    )
    {
        foreach (var output in outputs.Where(o => o.NotApplicable is null))
        {
            if (
                await blobs.ExistsAsync(output.Output, context.CancellationToken)
                || !await blobs.ExistsAsync(output.Input, context.CancellationToken)
            )
            {
                continue;
            }
            await (
                output.Kind == OutputKind.Segmentation
                    ? context.SendToModelAsync(
                        new SegmentVolume
                        {
                            Study = study,
                            Series = output.Series,
                            Model = output.Model,
                        }
                    )
                    : context.SendToModelAsync(
                        new SuperResolveVolume
                        {
                            Study = study,
                            Series = output.Series,
                            Model = output.Model,
                        }
                    )
            );
            PreprocessingMetrics.Commands.WithLabels(output.Model, study.Priority.ToString()).Inc();
        }
    }
}
