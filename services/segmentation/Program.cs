using Platform.Hosting;
using Platform.Segmentation;

var builder = PlatformHost.CreateBuilder(args, "segmentation");
builder.AddSegmentation();
builder.AddBus(SegmentationService.AddConsumers);
var app = builder.Build();
app.MapPlatform();
app.MapSegmentation();
await app.RunAsync();
