import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { findInstallation } from '../../../src/demo/servers/find-installation.ts'
import { atLeast } from '../../../src/demo/servers/installation.ts'

describe('a version', () => {
  test.each([
    ['nats-server: v2.10.3', true],
    ['nats-server: v2.9.25', false],
    ['nats-server: v3.0.0', true],
    ['nats-server: v2.11.0-RC.1', true],
    ['nats-server (unknown)', false],
  ])('%s is 2.10 or later: %s', (line, expected) => {
    expect(atLeast(line, 2, 10)).toBe(expected)
  })

  test.each([
    ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=62c', true],
    ['Redis server v=6.2.14 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64', false],
    ['Valkey server v=8.1.1 sha=00000000:0', true],
  ])('%s is 7.0 or later: %s', (line, expected) => {
    expect(atLeast(line, 7, 0)).toBe(expected)
  })
})

describe('a server on the path', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bingo-path-'))
    vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  })

  function find(version: string): Promise<{ origin: string; said: readonly string[] }> {
    const program = join(folder, 'fake-server')
    writeFileSync(program, `#!/bin/sh\necho "${version}"\n`)
    chmodSync(program, 0o755)
    const said: string[] = []
    const wanted = {
      title: 'Fake',
      program: 'fake-server',
      accepts: (line: string) => atLeast(line, 2, 10),
      packages: [],
      image: undefined,
    }
    return findInstallation(wanted, { onProgress: (message) => said.push(message) }, async ({ origin }) => ({
      origin,
      said,
    }))
  }

  test('is used in a tested version, and the progress line says which', async () => {
    const { origin, said } = await find('fake-server 2.10.1')
    expect(origin).toBe(join(folder, 'fake-server'))
    expect(said).toEqual([`using Fake from ${origin}: fake-server 2.10.1`])
  })

  test('is passed by in an older one', async () => {
    await expect(find('fake-server 2.9.9')).rejects.toThrow(/not a tested version: fake-server 2\.9\.9/)
  })
})
