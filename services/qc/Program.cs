using Platform.Hosting;
using Platform.Qc;

var builder = PlatformHost.CreateBuilder(args, "qc");
builder.AddQc();
builder.AddBus(QcService.AddConsumers);
var app = builder.Build();
app.MapPlatform();
await app.RunAsync();
