import type { Disturbance } from './disturbance.js'
import { debuggerDisturbances } from './disturbances/debuggers.js'
import { diskDisturbances } from './disturbances/disk.js'
import { freezerDisturbances } from './disturbances/freezer.js'
import { loadDisturbances } from './disturbances/load.js'
import { processDisturbances } from './disturbances/processes.js'
import { signalDisturbances } from './disturbances/signals.js'
import { workDisturbances } from './disturbances/work.js'

/** Everything that is no hang and that can be made on one machine. What needs a machine of its own is in test/vm. */
export const disturbances: readonly Disturbance[] = [
  ...signalDisturbances,
  ...freezerDisturbances,
  ...debuggerDisturbances,
  ...loadDisturbances,
  ...workDisturbances,
  ...diskDisturbances,
  ...processDisturbances,
]
