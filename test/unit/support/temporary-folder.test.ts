import { tmpdir } from 'node:os'
import { afterEach, expect, test, vi } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('tests write where TMPDIR says', () => {
  vi.stubEnv('TMPDIR', '/somewhere/else')
  expect(temporaryFolder()).toBe('/somewhere/else')
})

test('without TMPDIR, tests write into memory or where the system has its temporary files', () => {
  vi.stubEnv('TMPDIR', undefined)
  expect(['/dev/shm', tmpdir()]).toContain(temporaryFolder())
})
