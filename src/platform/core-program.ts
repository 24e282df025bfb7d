import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { addonFolder } from './addon.js'

/** Finds the program that writes cores, beside what node-gyp-build would load. */
export function findCoreProgram(folder = addonFolder()): string | undefined {
  const places = [join('build', 'Release'), join('prebuilds', `${process.platform}-${process.arch}`)]
  return places.map((place) => join(folder, place, 'hangdog-core')).find((file) => existsSync(file))
}
