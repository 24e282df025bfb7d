/** What the rest of a service does when a run begins and ends. */
export interface RunListener {
  runStarted(): void
  /** Another process is the service's from now on. */
  processReplaced(): void
  runEnded(): void
  /** Nothing is left of the run. */
  runGone(): void
}
