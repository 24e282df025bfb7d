/** What an operator, or a reader that leaves, ends. */
export interface Interruption {
  readonly signal: AbortSignal
  /** Gives the signals back their usual effect. */
  dispose(): void
}

/** Turns Ctrl-C, SIGTERM and SIGHUP into an abort, for commands that go on until they are ended; they then end with 0. */
export function watchInterruption(closed: AbortSignal): Interruption {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  for (const name of signals) process.once(name, abort)
  closed.addEventListener('abort', abort)
  if (closed.aborted) abort()
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of signals) process.off(name, abort)
      closed.removeEventListener('abort', abort)
    },
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
