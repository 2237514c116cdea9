using Platform.Training.Networks;
using TorchSharp;
using static TorchSharp.torch;
torch.set_num_threads(int.Parse(args[0]));
int[][] ws = [[8,32,64,128],[12,32,64,128],[16,32,64,96],[8,24,48,96]];
foreach (var w in ws) foreach (var p in new[]{64,80}) {
var net = new StructureNet(w, 16, 15);
var watch = System.Diagnostics.Stopwatch.StartNew();
for (int s=0;s<4;s++){
  using var scope = NewDisposeScope();
  var t0=watch.ElapsedMilliseconds;
  var x = randn(new long[]{1,1,64,p,64}); var t = randint(0,15,new long[]{1,64,p,64},int64);
  var y = net.forward(x); var t1=watch.ElapsedMilliseconds;
  var logp = nn.functional.log_softmax(y,1);
  var ce = nn.functional.nll_loss(logp,t);
  var prob = logp.exp();
  var hot = zeros_like(prob).scatter_(1,t.unsqueeze(1),torch.ones_like(t.unsqueeze(1)).to(float32));
  var inter=(prob*hot).sum(new long[]{0,2,3,4}); var den=prob.sum(new long[]{0,2,3,4})+hot.sum(new long[]{0,2,3,4});
  var loss = ce + 1-(2*inter/(den+1)).mean(); var t2=watch.ElapsedMilliseconds;
  loss.backward();
  var t3=watch.ElapsedMilliseconds;
  Console.WriteLine($"{string.Join(',',w)} p{p} fwd {t1-t0} loss {t2-t1} bwd {t3-t2} params {net.parameters().Sum(q=>q.numel())}");
}}
