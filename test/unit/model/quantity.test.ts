import { expect, it } from 'vitest'
import { parseBytes, parseDuration, printBytes, printDuration, writeDuration } from '../../../src/model/quantity.ts'

it('reads durations with their unit', () => {
  expect(parseDuration('250ms')).toBe(250)
  expect(parseDuration('1.5s')).toBe(1_500)
  expect(parseDuration('1h30m')).toBe(5_400_000)
  expect(parseDuration('7d')).toBe(604_800_000)
  expect(parseDuration('0s')).toBe(0)
})

it('refuses durations without a unit, with an unknown one, or negative', () => {
  for (const text of ['10', '10sec', '-1s', 's', '', '1 s ']) expect(parseDuration(text)).toBeUndefined()
})

it('reads sizes in decimal and binary units', () => {
  expect(parseBytes('32MiB')).toBe(33_554_432)
  expect(parseBytes('64 kB')).toBe(64_000)
  expect(parseBytes('4096')).toBe(4_096)
  expect(parseBytes('1.5gib')).toBe(1_610_612_736)
  for (const text of ['', 'MiB', '-1', '3 xb']) expect(parseBytes(text)).toBeUndefined()
})

it('prints both for people', () => {
  expect(printDuration(850)).toBe('850 ms')
  expect(printDuration(90_000)).toBe('90 s')
  expect(printDuration(3_600_000)).toBe('60 min')
  expect(printBytes(512)).toBe('512 B')
  expect(printBytes(33_554_432)).toBe('32.0 MiB')
})

it('a duration is written in the largest unit that is exact', () => {
  expect([1, 1_500, 60_000, 90_000, 3_600_000, 86_400_000].map(writeDuration)).toEqual([
    '1ms',
    '1500ms',
    '1m',
    '90s',
    '1h',
    '1d',
  ])
})
