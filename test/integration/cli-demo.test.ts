import { expect, test } from 'vitest'
import { bingo } from './cli-process.ts'

test.each([
  ['MySQL', []],
  ['MariaDB', ['--mariadb']],
])('the demo on %s verifies its effects and ends', async (_name, args) => {
  const cache = process.env['BINGO_SERVERS_CACHE']
  const env = { HOME: process.env['HOME'] ?? '/tmp', ...(cache !== undefined && { BINGO_SERVERS_CACHE: cache }) }
  const { code, stdout, stderr } = await bingo(['demo', '--once', '--rows', '2000', ...args], { env })
  expect(stderr).not.toMatch(/\n\s+at /)
  expect(stdout).toContain('every effect verified at its target')
  expect(stdout).not.toContain('✗')
  expect(code).toBe(0)
})

test.each([
  ['MySQL', []],
  ['MariaDB', ['--mariadb']],
])('the demo of sagas on %s carries out or undoes every order as a whole', async (_name, args) => {
  const cache = process.env['BINGO_SERVERS_CACHE']
  const env = { HOME: process.env['HOME'] ?? '/tmp', ...(cache !== undefined && { BINGO_SERVERS_CACHE: cache }) }
  const { code, stdout, stderr } = await bingo(['demo', '--saga', '--once', ...args], { env })
  expect(stderr).not.toMatch(/\n\s+at /)
  expect(stdout).toContain('every order was carried out or undone as a whole')
  expect(stdout).not.toContain('✗')
  expect(code).toBe(0)
})
