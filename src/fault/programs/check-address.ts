import { serve } from './fault-service.js'

/** Each letter more that is followed by no @ doubles the ways that are tried. */
const address = /^([a-z0-9]+)+@[a-z]+\.com$/
const harmless = 'someone@example.com'
const harmful = `${'a'.repeat(60)}!`

await serve((order) => {
  checkAddress(order.isDue() ? harmful : harmless)
})

function checkAddress(text: string): boolean {
  return address.test(text)
}
