using Platform.Hosting;
using Platform.Results;

var builder = PlatformHost.CreateBuilder(args, "results");
builder.AddResults();
builder.AddBus(ResultsService.AddConsumers);
var app = builder.Build();
app.MapPlatform();
app.MapResults();
app.MapGrpcService<StudyWatchGrpcService>();
await app.RunAsync();
