import { expect, test } from 'vitest'
import { bingo } from './cli-process.ts'
import { pairs } from '../support/forms.ts'

const DEMOS = [
  ['the demo', ['--rows', '2000'], 'every effect verified at its target'],
  ['the demo of sagas', ['--saga'], 'every order was carried out or undone as a whole'],
] as const
const SERVERS = [
  ['MySQL', []],
  ['MariaDB', ['--mariadb']],
] as const

test.each(pairs(DEMOS, SERVERS).map(([[demo, how, words], [server, on]]) => ({ demo, how, words, server, on })))(
  '$demo on $server verifies its effects and ends',
  async ({ how, words, on }) => {
    const cache = process.env['BINGO_SERVERS_CACHE']
    const env = { HOME: process.env['HOME'] ?? '/tmp', ...(cache !== undefined && { BINGO_SERVERS_CACHE: cache }) }
    const { code, stdout, stderr } = await bingo(['demo', '--once', ...how, ...on], { env })
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(stdout).toContain(words)
    expect(stdout).not.toContain('✗')
    expect(code).toBe(0)
  },
)
