using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Platform.Contracts;

namespace Platform.Hosting;

/// <summary>Which models a process serves; asked after the packages are installed and before the first message, and whenever the bus connects again.</summary>
/// <param name="services">The host's services.</param>
/// <param name="cancellationToken">Cancelled where the host stops meanwhile.</param>
/// <returns>Names of models, as name or name@version.</returns>
public delegate Task<IReadOnlyList<string>> ServedModels(
    IServiceProvider services,
    CancellationToken cancellationToken
);

/// <summary>Queues that are known only once the installed models are: one a model and a <c>-stat</c> queue beside it.</summary>
public static class ModelQueues
{
    /// <summary>
    /// Adds a consumer that listens on both queues of every model the process serves. Each queue has its own prefetch of
    /// <paramref name="concurrency"/>, so a command in the <c>-stat</c> queue never waits behind routine ones that have not begun.
    /// </summary>
    public static void AddModelConsumer<TConsumer>(
        this IBusRegistrationConfigurator bus,
        ServedModels models,
        int concurrency = 1
    )
        where TConsumer : class, IConsumer
    {
        bus.AddConsumer<TConsumer>().ExcludeFromConfigureEndpoints();
        bus.DeclareModelQueues(models);
        bus.AddSingleton<IHostedService>(services => new ModelQueueConnector<TConsumer>(
            services,
            models,
            concurrency
        ));
    }

    /// <summary>
    /// Declares the queues of every model whenever the bus connects, so that commands wait in them while no pod of the model runs (or
    /// none ever has). For whoever sends commands; nothing to do for the in-memory transport.
    /// </summary>
    public static void DeclareModelQueues(
        this IBusRegistrationConfigurator bus,
        ServedModels models
    ) =>
        bus.AddSingleton(
            new DeclaredQueues(
                async (services, cancellationToken) =>
                    [
                        .. from model in await models(services, cancellationToken)
                        from priority in Enum.GetValues<StudyPriority>()
                        select QueueNames.Model(model, priority),
                    ]
            )
        );

    /// <summary>Declares other queues that this process sends to, so that commands wait in them while nobody consumes.</summary>
    /// <param name="bus">The bus.</param>
    /// <param name="queues">Their names; asked whenever the bus connects.</param>
    public static void DeclareQueues(
        this IBusRegistrationConfigurator bus,
        Func<IServiceProvider, IReadOnlyList<string>> queues
    ) => bus.AddSingleton(new DeclaredQueues((services, _) => Task.FromResult(queues(services))));
}
