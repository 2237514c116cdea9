using Platform.Hosting;
using Platform.Ingest;

var builder = PlatformHost.CreateBuilder(args, "ingest");
builder.AddIngest();
builder.AddBus(_ => { });
var app = builder.Build();
app.MapPlatform();
app.MapIngest();
app.MapGrpcService<StudyIntakeGrpcService>();
await app.RunAsync();
