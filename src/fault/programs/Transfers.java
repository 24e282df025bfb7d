import java.util.concurrent.CountDownLatch;

/** Two threads take the same two locks. On order one of them takes them in the other order, and they wait for each other. */
final class Transfers {
  private static final class Accounts { }

  private static final class Ledger { }

  private static final Accounts accounts = new Accounts();
  private static final Ledger ledger = new Ledger();
  private static final CountDownLatch wanted = new CountDownLatch(1);
  private static final CountDownLatch bothHold = new CountDownLatch(2);

  public static void main(String[] arguments) throws Exception {
    FaultService service = new FaultService(arguments);
    start("transfer-1", () -> service.serve(Transfers::transferThere));
    start("transfer-2", Transfers::transferBack);
  }

  private interface Job {
    void run() throws Exception;
  }

  private static void start(String name, Job job) {
    new Thread(() -> {
      try {
        job.run();
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    }, name).start();
  }

  private static void transferThere(FaultService order) throws Exception {
    boolean isDue = order.isDue();
    if (isDue) wanted.countDown();
    synchronized (accounts) {
      if (isDue) meet();
      synchronized (ledger) {
        return;
      }
    }
  }

  private static void transferBack() throws Exception {
    wanted.await();
    synchronized (ledger) {
      meet();
      synchronized (accounts) {
        return;
      }
    }
  }

  /** From here on both hold their first lock. */
  private static void meet() throws InterruptedException {
    bothHold.countDown();
    bothHold.await();
  }
}
