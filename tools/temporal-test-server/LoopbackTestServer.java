import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.temporal.internal.testservice.GRPCServerHelper;
import io.temporal.internal.testservice.TestServicesStarter;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** Temporal's test server. Its own main class listens on all addresses, and outlives a test that was killed. */
public final class LoopbackTestServer {
  public static void main(String[] arguments) throws Exception {
    var port = Integer.parseInt(arguments[0]);
    var builder = NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    // No time is skipped until a client asks for it, and the time to begin with is the real one.
    var services = new TestServicesStarter(true, 0);
    GRPCServerHelper.registerServicesAndHealthChecks(services.getServices(), builder);
    ProcessHandle.current().parent().ifPresent(parent -> parent.onExit().thenRun(() -> System.exit(0)));
    builder.build().start().awaitTermination();
  }
}
