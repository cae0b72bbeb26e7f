# SPDX-License-Identifier: Apache-2.0
# An apt of its own for whatever must not be installed on this machine: other
# architectures, sources. To be sourced. It uses the machine's archives and keys, and writes
# nowhere but into its folder.
#
# apt_root FOLDER ARCHITECTURE [deb-src]: make it and fetch the lists; exports APT_CONFIG.
apt_root()
{
	local root arch=$2 types="deb${3:+ $3}"
	mkdir -p "$1"
	root=$(cd "$1" && pwd)
	mkdir -p "$root/sources" "$root/state/lists/partial" "$root/cache/archives/partial"
	: >"$root/status"
	cat >"$root/apt.conf" <<-CONF
		Dir::State "$root/state";
		Dir::State::status "$root/status";
		Dir::Cache "$root/cache";
		Dir::Etc::sourcelist "/dev/null";
		Dir::Etc::sourceparts "$root/sources";
		APT::Architecture "$arch";
		APT::Architectures { "$arch"; };
		APT::Sandbox::User "root";
		Acquire::Languages "none";
	CONF
	debian_sources "$types" >"$root/sources/debian.sources"
	export APT_CONFIG=$root/apt.conf
	apt-get -q update >"$root/update.log" 2>&1 || { cat "$root/update.log" >&2; return 1; }
}

# Debian's own entries of the machine's list, in the form of deb822.
debian_sources()
{
	local types=$1 f
	for f in /etc/apt/sources.list.d/*.sources; do
		[ -e "$f" ] && grep -qi 'debian-archive-keyring' "$f" || continue
		sed -e "s/^Types:.*/Types: $types/" -e '/^Architectures:/d' "$f"
		echo
	done
	[ -e /etc/apt/sources.list ] || return 0
	awk -v types="$types" '$1 == "deb" && $2 !~ /^\[/ && $2 ~ /debian/ {
		printf "Types: %s\nURIs: %s\nSuites: %s\nComponents:", types, $2, $3
		for (i = 4; i <= NF; i++)
			printf " %s", $i
		printf "\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
	}' /etc/apt/sources.list
}
