using Platform.Hosting;
using Platform.Segmentation;
using Platform.Serving;

var builder = PlatformHost.CreateBuilder(args, "segmentation");
builder.AddSegmentation();
builder.AddBus(SegmentationService.AddConsumers);
var app = builder.Build();
app.MapPlatform();
app.MapServing();
await app.RunAsync();
