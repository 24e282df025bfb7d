import t from 'tap'
import { tryFaults } from './trials.js'

tryFaults(t, ['java'])
