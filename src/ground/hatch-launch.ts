/** The command line that puts user code behind each rung of the ladder. It runs nothing: `hatch.ts` does. */
import type { RunLimits } from './hatch-limits.ts'

export type RungLevel = 0 | 1 | 2

/** Programs of the system that a rung needs; undefined where they are absent. */
export interface Tools {
  sh: string
  setpriv?: string | undefined
  prlimit?: string | undefined
  unshare?: string | undefined
}

export interface Launch {
  command: readonly string[]
  scratch: string
  /** Visible to the code besides the system's own folders; only rung 2 can hide the rest. */
  readable: readonly string[]
  /** Likewise, and not read-only. */
  writable: readonly string[]
  limits: RunLimits
  network: 'host' | 'none'
  /** A user of its own: rungs 1 and 2 of a house that runs as root. */
  uid?: number | undefined
}

export function launchLine(level: RungLevel, tools: Tools, launch: Launch): string[] {
  const inner = [...limitsLine(tools, launch), ...privilegesLine(level, tools, launch), ...launch.command]
  if (level < 2 || !tools.unshare || !tools.setpriv) return inner
  const shown = [...new Set(launch.readable)].filter((path) => !inSystem(path)).flatMap((path) => ['read', path])
  const given = [...new Set(launch.writable)].flatMap((path) => ['write', path])
  return [
    // The outermost process dies with the house, the namespace's first process with it, and everything else with that.
    tools.setpriv, '--pdeathsig', 'KILL',
    tools.unshare, ...(launch.uid === undefined ? ['--user', '--map-root-user'] : []),
    '--mount', '--pid', '--ipc', '--uts', ...(launch.network === 'none' ? ['--net'] : []), '--fork', '--kill-child',
    tools.sh, '-c', JAIL, 'jail', launch.scratch, ...shown, ...given, '--', ...inner,
  ]
}

const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/etc', '/run/systemd/resolve']

/** Shown in every jail, read-only. */
export function inSystem(path: string): boolean {
  return SYSTEM.some((folder) => path === folder || path.startsWith(`${folder}/`))
}

/** `prlimit` counts in bytes everywhere; the shell's `ulimit` is for systems without it. */
function limitsLine({ prlimit, sh }: Tools, { limits, uid }: Launch): string[] {
  const cpu_s = Math.ceil(limits.cpu_ms / 1000)
  // The system counts processes per user: with the house's own user the house would be counted too, so there only the watch counts.
  const processes = uid === undefined ? undefined : limits.processes_max
  if (prlimit) {
    const flags = [`--nofile=${limits.open_files_max}`, `--fsize=${limits.file_bytes}`, `--cpu=${cpu_s}:${cpu_s + 1}`, '--core=0']
    return [prlimit, ...flags, ...(processes === undefined ? [] : [`--nproc=${processes}`])]
  }
  const script = `ulimit -n ${limits.open_files_max}; ulimit -f ${Math.ceil(limits.file_bytes / 512)}; ulimit -t ${cpu_s}; ulimit -c 0; exec "$@"`
  return [sh, '-c', script, 'limits']
}

function privilegesLine(level: RungLevel, { setpriv }: Tools, { uid }: Launch): string[] {
  if (!setpriv) return []
  const asUser = uid === undefined ? [] : ['--reuid', String(uid), '--regid', String(uid), '--clear-groups']
  const noPowers = level > 0 ? ['--bounding-set', '-all', '--inh-caps', '-all'] : []
  // Changing the user clears the parent-death signal; setpriv asks for it afterwards.
  return [setpriv, ...asUser, ...noPowers, '--no-new-privs', '--pdeathsig', 'KILL']
}

/**
 * Builds a root of its own in an empty memory file system: the system's folders read-only, private /tmp, /dev, /proc,
 * the scratch folder writable at its own path, and what was asked for. Arguments: scratch, (`read` or `write`, path)…, `--`, command.
 * The shell stays as the namespace's first process, because that one must collect orphans and is deaf to polite signals.
 */
const JAIL = `
set -e
scratch=$1; shift
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount --make-rprivate /
root=$scratch.root
mount -t tmpfs -o mode=0755,size=4m jail "$root"
show() {
  [ -e "$1" ] || return 0
  if [ -L "$1" ]; then ln -s "$(readlink "$1")" "$root$1"; return; fi
  if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$root\${1%/*}"; : > "$root$1"; fi
  mount --rbind "$1" "$root$1"
}
lock() { [ -L "$root$1" ] || [ ! -e "$root$1" ] || mount -o remount,bind,ro,nosuid,nodev "$root$1"; }
mkdir "$root/proc" "$root/tmp" "$root/dev" "$root/dev/shm" "$root/old"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev tmp "$root/tmp"
mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev shm "$root/dev/shm"
for file in /dev/null /dev/zero /dev/full /dev/random /dev/urandom; do show "$file"; done
ln -s /proc/self/fd "$root/dev/fd"; ln -s /proc/self/fd/0 "$root/dev/stdin"; ln -s /proc/self/fd/1 "$root/dev/stdout"; ln -s /proc/self/fd/2 "$root/dev/stderr"
for folder in ${SYSTEM.join(' ')}; do show "$folder"; lock "$folder"; done
while [ "$1" != -- ]; do
  show "$2"
  if [ "$1" = read ]; then lock "$2"; fi
  shift 2
done
shift
mkdir -p "$root$scratch"
mount --bind "$scratch" "$root$scratch"
mount -o remount,bind,nosuid,nodev "$root$scratch"
cd "$root"
pivot_root . old
umount -l /old
rmdir /old
mount -o remount,bind,ro /
cd "$scratch"
set +e
PATH=$HATCH_PATH; export PATH; unset HATCH_PATH
"$@"
exit $?
`
