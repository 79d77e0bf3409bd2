"""Command words of Unix shells, cmd.exe and PowerShell, with the arguments that make each of them a command.

Owns tables only. Words that are also words of everyday language need more to be believed than those that are not.
"""

from __future__ import annotations

import enum
import re
from typing import Final


class Takes(enum.Enum):
    """What must follow a command word."""

    ANYTHING = enum.auto()  # the word says enough
    NOTHING = enum.auto()  # the end, a separator, a flag or a redirection
    FILE = enum.auto()  # a path, a file name, a glob, a flag
    HOST = enum.auto()  # a URL, host name or address, a flag
    NUMBER = enum.auto()
    CODE = enum.auto()  # a flag that takes code or a script, or a script's name
    WORDS = enum.auto()  # a few words to be printed


_FILES: Final = (
    "cat tac nl head tail more less sort uniq rev od xxd hexdump strings base64 base32 cut paste tee touch cp mv "
    "rm mkdir rmdir ln dd tar zip unzip gunzip gzip source find grep egrep fgrep awk gawk sed vi vim nano ed file "
    "stat readlink realpath du install shred fold iconv diff cmp comm split column pr wc md5sum sha1sum sha256sum "
    "bzip2 xz bat open xargs watch chattr lsattr rsync tr jq "
    # cmd.exe
    "type copy xcopy robocopy del erase move ren attrib cacls icacls findstr fc comp start reg sc at tree md rd which where getcap getfacl uuencode tailf zcat zgrep passwd openssl sysctl subst icacls"
)
_TABLE: Final = {
    Takes.ANYTHING: (
        "whoami ifconfig ipconfig netstat uname nslookup netcat ncat busybox systeminfo tasklist taskkill certutil "
        "bitsadmin powershell powershell.exe pwsh cmd.exe cmd %comspec% wmic mshta rundll32 regsvr32 "
        "cscript wscript schtasks "
        "nltest wevtutil vssadmin lsof printenv chmod chown chgrp useradd adduser usermod userdel groupadd visudo "
        "sudo su crontab nohup setsid mkfifo mknod socat telnet tftp scp sftp ssh-keygen xterm lsblk dmesg "
        "iptables ss arp route traceroute tracert ipcs strace gdb ltrace killall pkill systemctl journalctl "
        "chroot insmod lsmod modprobe fsutil netsh driverquery gpresult qwinsta quser net1 hostnamectl lscpu "
        "service cmdkey klist getent lsb_release tcpdump dmidecode blkid fdisk takeown diskpart wbadmin odbcconf msbuild htop pgrep whereis lspci lsusb doas runuser loginctl chpasswd ulimit rlogin csvde ldifde adfind auditpol bcdedit msiexec installutil regasm forfiles pcalua iex sendmail mailx "
        "pkexec coproc compgen gcloud az gci gcm telnetd dropbear utelnetd tftpd run-parts busctl iwconfig unshare nsenter capsh bpftrace "
        "psexec psexec64 winrs wsl conhost cmstp mavinject esentutl extrac32 dnscmd ntdsutil procdump rpcping scriptrunner verclsid tskill"
    ),
    Takes.NOTHING: (
        "id ls ll pwd env set date who w ps df dir ver uptime last hostname groups users time logname tty jobs "
        "history export locale mount free top vol path reboot halt poweroff shutdown logout sh bash zsh ash dash "
        "ksh csh tcsh fish vmstat iostat umask alias getmac lastlog finger arch nproc calc notepad taskmgr mmc assoc ftype htop lsof"
    ),
    Takes.FILE: _FILES,
    Takes.HOST: (
        "iwr irm ping ping6 curl wget fetch host dig nc lynx ssh ftp whois nmap aria2c axel wget.exe curl.exe http links w3m "
        "rsh ftpget ip host telnet git svn pip npm gem apt apt-get yum dnf rpm dpkg docker kubectl mysql psql sqlite3 redis-cli mongo "
        "net net.exe query ip aws"
    ),
    Takes.NUMBER: "sleep usleep timeout kill",
    Takes.CODE: (
        "python python2 python3 perl ruby php php5 php7 php8 node nodejs lua java javac gcc cc make tclsh expect "
        "eval exec osascript awk screen tmux script env nice nohup time timeout gawk m4 R irb scala groovy "
        "sh bash zsh ash dash ksh csh tcsh fish /bin/sh /bin/bash iex"
    ),
    Takes.WORDS: "echo printf expr write-host write-output",
}

COMMANDS: Final[dict[bytes, frozenset[Takes]]] = {
    word.encode(): frozenset(takes for takes, words in _TABLE.items() if word in words.split())
    for words in _TABLE.values()
    for word in words.split()
}

SUBCOMMANDS: Final = {
    word: re.compile(rb"(?:%b)$" % follows, re.I)
    for words, follows in {
        b"net net1": rb"(?:user|group|localgroup|view|use|share|start|stop|accounts|config|session|file|time)s?|/.*",
        b"wevtutil": rb"(?:cl|el|qe|gl|epl|sl|im|um|ep|gp|gli|clear-log|enum-logs|query-events)",
        b"fsutil": rb"(?:volume|fsinfo|behavior|file|usn|dirty|hardlink|reparsepoint|quota)",
        b"vssadmin wbadmin": rb"(?:list|delete|create|resize|add|get|start|enable)",
        b"reg": rb"(?:query|add|save|delete|export|import|copy|load)",
        b"sc": rb"(?:query|queryex|qc|stop|start|create|config|delete|\\\\.*)",
        b"wmic": rb"(?:os|process|useraccount|service|product|logicaldisk|qfe|nicconfig|group|startup|computersystem"
        rb"|bios|cpu|csproduct|shadowcopy|environment|/.*)",
        b"start": rb"(?:calc|cmd|notepad|powershell|mspaint|explorer|iexplore|http\S*|\S+\.(?:exe|bat|cmd|ps1|hta|vbs)"
        rb"|/\w)",
        b"tree": rb"(?:[a-z]:.*|/.*|-[a-z]|\.|\\.*)",
        b"docker": rb"(?:ps|run|exec|images|pull|inspect|cp|stop|kill|rm)",
        b"kubectl": rb"(?:get|exec|apply|delete|describe|run|config|cp|logs)",
        b"systemctl service": rb"(?:stop|start|restart|status|list-units|disable|enable|daemon-reload|--.*)",
        b"cmdkey klist": rb"/?\w+",
        b"openssl": rb"(?:s_client|s_server|enc|req|genrsa|rand|x509|dgst|base64|passwd|version|-\w+)",
        b"aws": rb"(?:s3|s3api|sts|iam|ec2|ssm|lambda|secretsmanager|configure|kms|eks|ecr)",
        b"query": rb"(?:user|session|process)",
        b"shutdown": rb"(?:now|-[a-z]|/[a-z]|\+\d+)",
        b"passwd": rb"(?:root|admin|-[a-z])",
        b"git": rb"(?:clone|config|pull|push|log|status|remote)",
        b"apt apt-get yum dnf apk pip pip3 npm gem": rb"(?:install|update|add|remove|-y)",
    }.items()
    for word in words.split()
}
"""Command -> what its first argument may be, where any other word says that the command is none."""

WITH_OBJECT: Final = frozenset(
    b"docker kubectl aws systemctl service git apt apt-get yum dnf apk pip pip3 npm gem".split()
)
"""Commands whose first argument says nothing without a second one."""

RUNNERS: Final = frozenset(
    b"timeout nice ionice env nohup setsid stdbuf busybox toybox strace ltrace exec command watch taskset unshare nsenter chrt "
    b"flock prlimit valgrind rlwrap unbuffer proot fakeroot capsh systemd-run run-parts xvfb-run cpulimit setarch".split()
)
"""Commands that run what their arguments say."""

FINDERS: Final = frozenset(b"which whereis type command".split())
"""Commands that tell where another one is."""

WEAK: Final = frozenset(
    b"id date time who w last host set users groups type path top at find sort cat more less tail head file source "
    b"copy move open start watch join ver dir free history mount finger split cut comp fetch install make which where calc notepad passwd openssl "
    b"script screen expect kill sleep ed fold strings git route net query ip links export alias arch node php ps "
    b"env df ls ss sc R su arp write-host mongo column stat pr xargs diff which sh docker kubectl npm "
    b"pip gem apt mysql psql perl ruby lua java aws fish ash dash".split()
)
"""Words that stand after separators in ordinary text and lists, too."""

ABBREVIATIONS: Final = frozenset(b"pr ss ed ps su od ip at az who last split fold stat strings links".split())
"""Commands of Unix alone that are other things in capitals."""

SHELL_VERBS: Final = re.compile(
    rb"(?:for\s+/[a-z]\s+%|invoke-(?:expression|webrequest|restmethod|command|mimikatz|item|wmimethod)|iex\b|new-object\s|"
    rb"start-(?:process|bitstransfer|job|sleep)|get-(?:process|childitem|content|wmiobject|service"
    rb"|localuser|aduser|"
    rb"ciminstance|item|itemproperty|acl|host|credential|date\b|location|variable|help\b|module|computerinfo)|(?:set|add)-(?:executionpolicy|mppreference|content|item)|add-type\s|"
    rb"out-file\b|remove-item\b|copy-item\b|convertto-|select-string\b|test-connection\b|get-command\b)",
    re.I,
)
"""PowerShell's own commands."""
