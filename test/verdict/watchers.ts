import { hangdogWatcher } from './hangdog-watcher.js'
import type { Watcher } from './watched.js'

/** All that are put through the matrix. */
export const watchers: readonly Watcher[] = [hangdogWatcher]
