import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What every service of the kit in Java shares: its orders, and its heartbeats over hangdog's socket. */
final class FaultService {
  interface Work {
    void doUnit(FaultService order) throws Exception;
  }

  private final SocketChannel link;
  private Path trigger;
  private long intervalMs = 50;
  private long due = Long.MAX_VALUE;

  FaultService(String[] arguments) throws IOException {
    long started = System.nanoTime();
    for (int at = 0; at + 1 < arguments.length; at += 2) {
      String value = arguments[at + 1];
      switch (arguments[at]) {
        case "--trigger" -> trigger = Path.of(value);
        case "--interval-ms" -> intervalMs = Long.parseLong(value);
        case "--after-ms" -> due = started + Long.parseLong(value) * 1_000_000;
        default -> { }
      }
    }
    link = connect();
  }

  /** Works unit by unit, and beats after each. */
  void serve(Work work) throws Exception {
    say("READY=1\n");
    for (;;) {
      work.doUnit(this);
      say("WATCHDOG=1\n");
      Thread.sleep(intervalMs);
    }
  }

  boolean isDue() throws IOException {
    if (trigger != null && Files.deleteIfExists(trigger)) return true;
    return System.nanoTime() >= due;
  }

  private static SocketChannel connect() throws IOException {
    String path = System.getenv("HANGDOG_SOCKET");
    if (path == null) return null;
    SocketChannel made = SocketChannel.open(StandardProtocolFamily.UNIX);
    made.connect(UnixDomainSocketAddress.of(path));
    made.write(ByteBuffer.wrap(("HANGDOG_TOKEN=" + System.getenv("HANGDOG_TOKEN") + "\n").getBytes(StandardCharsets.US_ASCII)));
    // When hangdog does not read, a beat is dropped.
    made.configureBlocking(false);
    return made;
  }

  private void say(String line) {
    if (link == null) return;
    try {
      link.write(ByteBuffer.wrap(line.getBytes(StandardCharsets.US_ASCII)));
    } catch (IOException away) {
      // Whoever does not hear us cannot be told so either.
    }
  }
}
