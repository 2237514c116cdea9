using Platform.Hosting;
using Platform.Serving;
using Platform.SuperResolution;

var builder = PlatformHost.CreateBuilder(args, "super-resolution");
builder.AddSuperResolution();
builder.AddBus(SuperResolutionService.AddConsumers);
var app = builder.Build();
app.MapPlatform();
app.MapServing();
await app.RunAsync();
