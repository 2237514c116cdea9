using Platform.Hosting;
using Platform.Preprocessing;

var builder = PlatformHost.CreateBuilder(args, "preprocessing");
builder.AddPreprocessing();
builder.AddBus(PreprocessingService.AddConsumers);
var app = builder.Build();
app.MapPlatform();
await app.RunAsync();
