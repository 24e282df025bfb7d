import { hangdogWatcher } from './hangdog-watcher.js'
import { heartWatcher } from './heart-watcher.js'
import { probeWatcher } from './probe-watcher.js'
import { timeoutWatcher } from './timeout-watcher.js'
import type { Watcher } from './watched.js'

/** All that are put through the matrix. */
export const watchers: readonly Watcher[] = [hangdogWatcher, timeoutWatcher, probeWatcher, heartWatcher]
