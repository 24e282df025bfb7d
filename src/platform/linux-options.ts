import type { BugCheckFiles } from './linux-bugcheck.js'
import type { ProcessIdentity } from './platform.js'

export interface LinuxPlatformOptions {
  /** Standard input of services; `inherit` suits one service in the foreground. Default `ignore`. */
  readonly stdin?: 'inherit' | 'ignore'
  /** Told how many bytes of a service's output were dropped because nobody took them, at most once a second for each service. */
  readonly onOutputDropped?: (service: string, bytes: number) => void
  /** Called right before the machine is stopped for a crash dump, which takes its time. Must not wait. */
  readonly beforeDump?: () => void
  /** Resolves when a process that is no child of ours has ended; undefined when nobody can tell, and it is looked at again and again. */
  readonly endOf?: (process: ProcessIdentity) => Promise<void> | undefined
  /** Kernel files other than the usual ones, for tests. */
  readonly bugCheckFiles?: Partial<BugCheckFiles>
}
