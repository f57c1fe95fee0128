import { keptFiles, type Kept } from './kept-files.ts'
import { report, type BuildOptions } from './options.ts'

/** Each of these is a database with tables and a version of its own; dead letters and sagas may share the file of the checkpoint. */
export function checkSeparateFiles(options: BuildOptions, config: Kept): void {
  const found = new Map<string, { readonly setting: string; readonly holds: string }>()
  for (const { setting, holds, path } of keptFiles(config)) {
    const other = found.get(path)
    found.set(path, other ?? { setting, holds })
    if (other === undefined || other.holds === holds) continue
    const message = `${setting} is the file of ${other.setting}, which holds ${other.holds}`
    report(options, setting, 'BINGO_CONFIG_VALUE', message, { hint: `Give ${setting} a file of its own.` })
  }
}
