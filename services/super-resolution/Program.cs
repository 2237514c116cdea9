using Platform.Hosting;
using Platform.SuperResolution;

var builder = PlatformHost.CreateBuilder(args, "super-resolution");
builder.AddSuperResolution();
builder.AddBus(SuperResolutionService.AddConsumers);
var app = builder.Build();
app.MapPlatform();
app.MapSuperResolution();
await app.RunAsync();
