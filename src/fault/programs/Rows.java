import java.util.ArrayList;
import java.util.List;

/** Works with short-lived rows. On order a cache without a bound takes nearly all of the heap, so that few rows fit until the next collection. */
final class Rows {
  private static final int ROWS = 50_000;
  /** Small, so that a collection has many objects to look at. */
  private static final int ENTRY_BYTES = 64;

  private static final List<byte[]> cache = new ArrayList<>(1_000_000);
  private static byte[] last;

  public static void main(String[] arguments) throws Exception {
    new FaultService(arguments).serve((order) -> {
      if (order.isDue()) fillCache();
      readRows();
    });
  }

  private static void fillCache() {
    try {
      for (;;) cache.add(new byte[ENTRY_BYTES]);
    } catch (OutOfMemoryError full) {
      forget();
    }
  }

  /** As many programs do, it makes a little room and goes on. */
  private static void forget() {
    for (int entry = 0; entry < 200; entry++) cache.remove(cache.size() - 1);
  }

  private static void readRows() {
    for (int row = 0; row < ROWS; row++) {
      try {
        last = new byte[1024];
      } catch (OutOfMemoryError full) {
        forget();
      }
    }
  }
}
