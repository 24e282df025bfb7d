import { Command } from 'commander'
import { type StateOptions, stateDirectoryOption } from './options.js'
import { type Output, openOutput } from './output.js'

const help = `
The grammar of cluster.exe; options begin with / or -, in upper or lower case:
  cluster [[/cluster:]NAME] /prop[erties]                      all common properties of the cluster
  cluster [[/cluster:]NAME] /priv[properties]                  its private ones
  cluster [NAME] /prop NAME=VALUE[,VALUE...][:FORMAT] ...      set some, all or none
  cluster [NAME] /prop:NAME[,NAME...] /usedefault              give some their defaults again
  cluster [NAME] res[ource] [SERVICE] /prop | /priv ...        the same for a service

Formats: dword, string, expandstr, multistr, binary, ularge, large, long, word; without one, that of the property.

Any NAME stands for this cluster, which is this machine: so published command lines work as they are. Of a service, /prop shows every
value that applies to it, and /priv those that were set for it alone; both set the latter. /priv with a format also makes properties that
hangdog does not know. The columns of a list are the type (D number, S text, M texts, B bytes; R read-only), the object, name and value.

Examples:
  $ hangdog cluster /cluster:prod /prop HangRecoveryAction=2
  $ hangdog cluster . /prop ClusSvcHeartbeatTimeout=60
  $ hangdog cluster /prop SameSubnetDelay=2000:DWORD
  $ hangdog cluster /prop:SameSubnetDelay /usedefault
  $ hangdog cluster res web /priv

For the command lines of cluster.exe as they stand, put this into the start-up file of the shell:
  alias cluster='hangdog cluster'

Exit codes: 64 when the command line is wrong, 69 for what only a cluster has, 65, 73 and 77 as for "hangdog prop".`

/** `hangdog cluster`: properties in the grammar of cluster.exe. */
export function clusterCommand(open: () => Output = openOutput): Command {
  const command = new Command('cluster')
  return command
    .description('properties in the grammar of cluster.exe, such as: cluster /prop HangRecoveryAction=2')
    .usage('[[/cluster:]NAME] [resource [SERVICE]] /prop|/priv [...]')
    .argument('[words...]', 'as cluster.exe takes them')
    .addOption(stateDirectoryOption())
    .allowUnknownOption()
    .addHelpText('after', help)
    .action(async (words: readonly string[], options: StateOptions) => {
      const [{ parseClusterCommandLine }, { doClusterRequest }] = await Promise.all([
        import('../property/cluster-command-line.js'),
        import('./cluster-request.js'),
      ])
      const request = parseClusterCommandLine(words)
      if (request.kind === 'help') command.outputHelp()
      else await doClusterRequest(request, options.stateDir, open())
    })
}
