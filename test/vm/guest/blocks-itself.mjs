// Stands for hangdog: makes progress for 5 s under the kernel's watch, then blocks its event loop for ever.

import { OwnKernelWatch } from '../../../dist/own-kernel-watch.js'
import { loadAddon } from '../../../dist/platform/addon.js'
import { systemClock } from '../../../dist/system-clock.js'

const loaded = loadAddon()
const watch = new OwnKernelWatch(loaded.addon.kernel, { clock: systemClock, limit: 2000, action: 'terminate' })
setInterval(() => watch.progressed(), 50)
setTimeout(() => {
  console.log('blocks')
  for (;;);
}, 5000)
