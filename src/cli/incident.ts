import { Command } from 'commander'
import { type ExportOptions, exportOne } from './incident-export.js'
import { listAll } from './incident-list.js'
import { type ShowOptions, showOne } from './incident-show.js'
import { jsonOption, type StateOptions, stateDirectoryOption } from './options.js'
import { type Output, openOutput } from './output.js'

/** `hangdog incident`: the hangs that were, and what was captured about them. Reads files; needs no daemon. */
export function incidentCommand(open: () => Output = openOutput): Command {
  const command = new Command('incident').description('hangs and their evidence; needs no running hangdog').addHelpText(
    'after',
    `
Examples:
  $ hangdog incident list
  $ hangdog incident show 20250131T1200   the beginning of an id will do
  $ hangdog incident export 20250131T1200 for a colleague

Exit codes: 64 when no incident or several have that id; 65 from show when its record is damaged; 73 from export when the archive
cannot be written or is there already.`,
  )
  command
    .command('list')
    .description('all incidents, oldest first')
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  $ hangdog incident list --json')
    .action((options: StateOptions) => listAll(options, open()))
  command
    .command('show')
    .description('one incident: why and since when, how it began, what was done, what came after, and the evidence')
    .argument('<id>', 'its id, or the beginning of it')
    .option('-a, --all', 'all of the evidence; long pieces are folded otherwise')
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  $ hangdog incident show 20250131T120000123Z-web-a1b2c3')
    .action((id: string, options: ShowOptions) => showOne(id, options, open()))
  command
    .command('export')
    .description(
      'one archive to send to a colleague, without what looks like a secret and with a list of what was removed',
    )
    .argument('<id>', 'its id, or the beginning of it')
    .option(
      '-o, --output <file>',
      'the archive; a file that is there is never written over (default: hangdog-ID.tar.gz)',
    )
    .option(
      '--with-core',
      'also core dumps, heap snapshots and binary files: they may hold every secret of the service',
    )
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Example:
  $ hangdog incident export 20250131T1200 -o hang.tar.gz

In the archive, README.txt says what each file is, and REDACTED.txt what was removed: where and of what kind.
A damaged record is exported as it is found.`,
    )
    .action((id: string, options: ExportOptions) => exportOne(id, options, open()))
  return command
}
