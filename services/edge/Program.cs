using Platform.Edge;
using Platform.Hosting;

var builder = PlatformHost.CreateBuilder(args, "edge");
builder.AddEdge();
var app = builder.Build();
app.MapPlatform();
app.MapEdge();
await app.RunAsync();
