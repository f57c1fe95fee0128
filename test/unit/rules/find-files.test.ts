import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findRuleFiles } from '../../../src/rules/files/find-files.ts'
import { loadRules } from '../../../src/rules/files/load.ts'
import { actionTypes } from '../../../src/targets/registry.ts'

describe('Links that cannot be followed', () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bingo-links-'))
    await mkdir(join(folder, 'rules'), { recursive: true })
    await writeFile(join(folder, 'rules', 'good.yaml'), 'rules: [{id: a, table: t, actions: [{type: log}]}]')
    await symlink('nowhere.yaml', join(folder, 'rules', 'broken.yaml'))
    await symlink('loop.yaml', join(folder, 'rules', 'loop.yaml'))
    await symlink('circle', join(folder, 'circle'))
    await writeFile(join(folder, 'target'), 'rules: [{id: b, table: t, actions: [{type: log}]}]')
    await symlink('../target', join(folder, 'rules', 'link.yaml'))
    await symlink('nowhere', join(folder, 'rules', 'gone'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const namesOf = async (pattern: string): Promise<readonly string[]> =>
    (await findRuleFiles([pattern], folder)).files.map(({ name }) => name)

  const all = ['rules/broken.yaml', 'rules/good.yaml', 'rules/link.yaml', 'rules/loop.yaml']
  test.each([
    ['rules', all],
    ['rules/*.yaml', all],
    ['**/*.yaml', all],
    ['rules/broken.yaml', ['rules/broken.yaml']],
    ['rules/loop.yaml', ['rules/loop.yaml']],
    ['circle', ['circle']],
    ['circle/*.yaml', ['circle']],
    ['circle/**/*.yaml', ['circle']],
    ['circle/a.yaml', ['circle/a.yaml']],
    ['*/gone/*.yaml', []],
  ])('are among the files that %s names', async (pattern, names) => {
    expect(await namesOf(pattern)).toEqual(names)
  })

  test.each([
    [
      'rules/*.yaml',
      [
        ['rules/broken.yaml', /ENOENT/],
        ['rules/loop.yaml', /ELOOP/],
      ],
    ],
    ['circle/*.yaml', [['circle', /ELOOP/]]],
  ] as const)('are errors with their names when the rules %s are loaded', async (pattern, wanted) => {
    const problems = wanted.map(([file, message]) => ({
      code: 'BINGO_RULE_FILE',
      message: expect.stringMatching(message),
      location: { file, line: 1, column: 1 },
    }))
    const options = {
      patterns: [pattern],
      baseDir: folder,
      targets: new Map(),
      defaults: { redisUrl: undefined, allowCidrs: [] },
      actionTypes: actionTypes(),
    }
    await expect(loadRules(options)).rejects.toMatchObject({ problems })
  })
})
