"""The words of SQL that matter to the judgement: what role each plays, in all dialects at once.

Owns tables only. A word that is in none of them is a name.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.guarded import Guarded


def words(text: str) -> frozenset[bytes]:
    return frozenset(word.encode() for word in text.split())


def _roles(table: dict[str, str]) -> dict[bytes, str]:
    return {word.encode(): letter for letter, words in table.items() for word in words.split()}


LETTERS: Final = _roles(
    {
        "&": "and or xor",
        "=": "like rlike regexp ilike glob is in between sounds similar overlaps contains match against",
        "o": "div mod collate escape at",
        "a": "case end",
        "1": "null true false unknown default current_user session_user system_user current_timestamp "
        "current_date current_time sysdate rownum localtime user_name",
        "E": "select values",
        "U": "union intersect except minus",
        "k": "from where as on join inner outer left right full cross natural using set into asc desc for "
        "update offset fetch next rows only percent with procedure partition over nulls first last when then "
        "else to interval",
        "b": "by",
        "h": "having",
        "l": "limit",
        "i": "outfile dumpfile",
        "": "order group sibling not distinct distinctrow all any some exists binary prior top unique sql_cache sql_no_cache "
        "sql_calc_found_rows sql_small_result sql_big_result sql_buffer_result high_priority straight_join",
    }
)
"""Word -> letter of a shape (see sql.py); "by" stands for "order by", and what changes no shape vanishes."""

DANGEROUS: Final = words(
    "sleep benchmark pg_sleep pg_sleep_for pg_sleep_until randomblob zeroblob receive_message sleep_ms "
    "extractvalue updatexml name_const gtid_subset gtid_subtract geometrycollection multipoint polygon "
    "multipolygon linestring multilinestring st_latfromgeohash st_longfromgeohash st_pointfromgeohash "
    "load_file load_extension pg_read_file pg_read_binary_file pg_ls_dir lo_import lo_export lo_get "
    "lo_from_bytea dblink dblink_connect "
    "query_to_xml database_to_xml table_to_xml xmltype ctxsys.drithsx.sn drithsx.sn get_host_address "
    "get_host_name utl_http.request request httpuritype dbms_xmlgen.getxml sys_eval sys_exec sys_get "
    "xp_cmdshell xp_dirtree xp_fileexist xp_subdirs xp_regread openrowset opendatasource openquery openxml "
    "fn_trace_gettable fn_xe_file_target_read_file sp_executesql sp_password analyse analyze make_set elt "
    "row exp json_keys to_dsinterval dbms_pipe.receive_message dbms_lock.sleep dbms_session.sleep "
    "master_pos_wait is_free_lock get_lock release_lock generate_series "
    "group_concat string_agg wm_concat listagg export_set has_dbaccess is_srvrolemember is_member "
    "host_name db_name object_id col_name suser_name suser_sname current_setting current_database "
    "current_schema inet_server_addr "
    "source_pos_wait wait_for_executed_gtid_set wait_until_sql_thread_after_gtids release_all_locks is_used_lock sleepeachrow "
    "dblink_exec dblink_send_query dblink_open dblink_get_result pg_stat_file pg_ls_logdir pg_ls_waldir pg_ls_tmpdir "
    "pg_rotate_logfile "
    "pg_current_logfile pg_file_write pg_logdir_ls lo_put lo_create lo_unlink lo_open loread lowrite "
    "inet_server_port inet_client_addr inet_client_port "
    "query_to_json query_to_xmlschema cursor_to_xml schema_to_xml table_to_xmlschema "
    "original_login fn_my_permissions fn_virtualfilestats fn_get_audit_file fn_dblog "
    "has_perms_by_name is_rolemember xp_regwrite xp_loginconfig xp_msver xp_enumgroups "
    "xp_create_subdir sp_oamethod sys_context userenv sys_xmlgen dburitype xdburitype xmlquery "
    "writefile readfile fts3_tokenizer sqlite_compileoption_get sqlite_compileoption_used "
    "external_query system$wait system$typeof read_text read_blob read_csv_auto java_method reflect2 "
    "file_read file_write link_schema csvread csvwrite dbinfo rdb$get_context rdb$set_context"
)
"""Functions by which time passes, files open, errors speak or the server tells of itself."""

FUNCTIONS: Final = words(
    "ascii ord substr substring substrb mid left right length len char_length character_length octet_length "
    "bit_length char chr nchar unichr concat concat_ws hex unhex conv bin oct cast convert try_convert version "
    "user database schema session_user system_user current_user connection_id last_insert_id if iif ifnull "
    "isnull nvl nvl2 nullif coalesce decode greatest least count sum min max avg floor ceil round rand random "
    "md5 sha sha1 sha2 crc32 lower upper lcase ucase trim ltrim rtrim replace reverse repeat lpad rpad instr "
    "locate position patindex charindex stuff space strcmp field find_in_set to_char to_number to_base64 "
    "from_base64 rawtohex utl_raw.cast_to_varchar2 chr str quotename soundex power sqrt abs sign pi now curdate "
    "json_extract json_value json_length json_valid typeof quote printf unicode encode aes_encrypt compress load row_count bit_and "
    "sqlite_version interval weight_string bin_to_uuid uuid_to_bin try_parse try_cast json_array json_object json_table regexp_substr "
    "regexp_replace regexp_instr regexp_like regexp_matches regexp_count array_to_string jsonb_path_query quote_literal quote_ident "
    "to_json to_hex get_byte get_bit split_part translate initcap btrim difference datalength ora_hash hextoraw asciistr "
    "unistr is_defined is_string is_number is_object is_primitive array_contains array_length stringequals regexmatch current_role "
    "arrayexists arraymap arrayjoin tostring writetime object_name schema_name suser_id "
    "pg_cancel_backend pg_terminate_backend pg_reload_conf pg_backend_pid pg_postmaster_start_time pg_conf_load_time "
    "json_agg jsonb_agg array_agg xmlagg row_to_json json_object_agg jsonb_object_agg serverproperty databasepropertyex "
    "has_table_privilege has_database_privilege has_schema_privilege sqlite_source_id pg_advisory_lock pg_notify "
    "current_account current_warehouse set_config jsonb_path_exists input_file_name"
)
"""Functions that say SQL, harmless by themselves."""

CATALOGUE: Final = Guarded(
    re.compile(
        rb"information_schema|^dual$|sysobjects|syscolumns|sysusers|sysdatabases|syslogins|sysprocesses"
        rb"|\bsys\.(?:tables|columns|objects|databases|schemas|user\$|sql_logins|server_principals)"
        rb"|\bmysql\.(?:user|db|proc|innodb|func)|\bpg_(?:catalog|tables|user|shadow|database|class|authid"
        rb"|roles|stat_activity|stat_user)"
        rb"|sqlite_(?:master|schema|temp_master)|\ball_(?:tables|tab_columns|users|objects|views)\b"
        rb"|\buser_(?:tables|tab_columns|objects|users)\b|\bdba_(?:users|tables|tab_columns|objects|data_files)\b"
        rb"|\bmsysobjects|\bmsysaces|master\.\.|msdb\.\.|tempdb\.\.|\bxp_\w{4}|\bsp_(?:oa|exec|config|makeweb"
        rb"|addext|addlogin|addsrv|password|helpdb)"
        rb"|\bv\$(?:version|instance|database|session|parameter)|performance_schema|innodb_table_stats|\brdb\$"
        rb"|sysibm\."
        rb"|domain\.(?:tables|columns)|\bsyscat\.|dbms_\w+\.\w+|utl_\w+\.\w+|\bsysmaster|\bsys\.x\$"
        rb"|\bsys\.schema_"
    )
)
"""Names of system tables and packages, found anywhere in a dotted name."""

_BLANK: Final = rb"(?:[\s+\x00\xa0(]|/\*[^*]{0,40}\*/)"
_OBJECT = (
    rb"(?:table|database|user|schema|view|function|procedure|proc|index|login|role|trigger|column|sequence"
    rb"|type"
    rb"|tablespace|server|extension|event|alias|if|or|temp|temporary|unique|global|aggregate|policy|rule)\b"
)

_NO_SENTENCE = rb"(?!\s+(?:of|at|the|your|our|their|his|her|my|this|that|these|by|and|is|was|are)\s+[a-z])"
"""No object has such a name: "drop table of figures"."""


def _statements(table: dict[str, bytes]) -> dict[bytes, re.Pattern[bytes]]:
    return {
        word.encode(): re.compile(follows.replace(b"~+", _BLANK + b"++").replace(b"~", _BLANK))
        for words, follows in table.items()
        for word in words.split()
    }


STATEMENTS: Final = _statements(
    {
        "insert": rb"~+(?:(?:into|ignore|overwrite|or~|openrowset|openquery|opendatasource)\b|[\w.\[\]@#]+~*(?:\([\w, ]{1,80}\)~*)?"
        rb"(?:values~*\(|exec\b|select\b))",
        "replace": rb"~+into\b",
        "merge": rb"~+(?:into\b|[\w.\[\]]+~+(?:as~+)?(?:\w+~+)?using~)",
        "update": rb"~+(?:only~+|top~*\w+\)~*)?[\w.`\"\[\]$@]+~+(?:as~+\w+~+)?set~",
        "delete": rb"~+(?:from\b|\w+~+where\b|\w+~*;|top~*\w+\)~*(?:from~|\w+~*(?:where\b|;|--)))",
        "drop alter create": rb"~+"
        + _OBJECT
        + _NO_SENTENCE
        + rb"|~+(?:system~+(?:set|shutdown|flush|kill|reset)|session~+set|materialized~+view"
        rb"|keyspace~+\w+~*(?:with\b|;|--)|(?:public~+)?synonym~+\w+~+for|publication~+\w+~+for|subscription~+\w+~+connection"
        rb"|directory~+\w+~+as|foreign~+(?:table|data)|external~+(?:table|library|data|script)"
        rb"|(?:silent~+)?(?:all|default|named)(?=\s*(?:;|$|--|#)))\b",
        "truncate": rb"~+(?:table~+)?\w+",
        "exec execute": rb"~*(?:[@'(]|(?:master|msdb|sys|sp_|xp_|dbo|immediate|sp|xp)|~\w+\s*['@(])",
        "declare": rb"~+(?:@|\w+~+(?:(?:big|small|tiny)?int|n?var|n?char|text|num|dec|float|real|bool|bit|date|time|xml|[bc]lob"
        rb"|raw|long|record|table|sys|binary|pls_|json|uuid|(?:no~+)?scroll|cursor|a?sensitive|insensitive|exception|constant|condition|continue|exit|\w+\.\w|\w+%))",
        "waitfor": rb"~+(?:delay|time)\b",
        "shutdown": rb"\s*(?:$|;|--|#|/\*|with\b)",
        "grant revoke": rb"~+(?:[\w, ]{2,60}~on~|\w{1,40}(?:~*,~*\w{1,40}){0,8}~+(?:to|from)~)",  # privileges on, or roles to
        "copy": rb"~*[\w(].{0,120}?~(?:from|to|program)~*['p$]|~+into~+[@'\w]",
        "call": rb"~+[\w.]+\s*\(",
        "backup restore": rb"~+(?:database|log|table)\b",
        "use": rb"~+\[?(?:master|mysql|msdb|tempdb|information_schema)\b",
        "load": rb"~+(?:data|xml)~+",
        "rename": rb"~+(?:table|user)~+",
        "do": rb"~+\w+\s*\(|~+\$\w{0,16}\$",
        "attach": rb"~+(?:database~+)?'",
        "pragma": rb"~+\w+\s*(?:=|;|$|\()",
        "kill": rb"~+(?:(?:hard~+|soft~+)?(?:query|connection|mutation)~+)?(?:\d|connection_id\b|@\w|where\b)",
        "show": rb"~+(?:tables|databases|columns|grants|variables|processlist|create)\b",
        "begin": rb"~+(?:dbms_|utl_|declare|exec|select|waitfor|if|\w+\.\w+\()",
        "if": rb"~*(?:not~*)?\(.{1,90}?\)\s*(?:waitfor|select|exec|drop|shutdown|print|begin)\b"
        rb"|\s+(?:exists|not\s+exists|@|\d.{1,30}?~(?:waitfor|select|exec|drop))",
        "prepare": rb"~+\w+~*(?:from\b|(?:\([\w, ]{1,60}\)~*)?as~+(?:select|insert|update|delete|drop|alter|create|with|values|copy)\b)",
        "handler": rb"~+\w+~+open\b",
        "reconfigure": rb"\s*(?:$|;|--)",
        "bulk": rb"~+insert~+\w",
        "raiserror dbcc": rb"~*[('\w]",
        "print": rb"~+(?:@@|')",
        "with": rb"~+(?:recursive~+)?\w+~*(?:\([\w, ]+\)\s*)?~*as\s*\(",
        "set": rb"~+(?:@|global\b|session\b|sql_mode|names\b|role\b|search_path\b|session~+authorization\b|identity_insert\b"
        rb"|xact_abort\b|row_security\b|statement_timeout\b|foreign_key_checks\b|autocommit\b|password~+(?:for\b|=)|local~+\w+~+(?:to~|=))",
        "desc describe": rb"~+\w+\s*(?:;|--|#)",
        "commit rollback": rb"\s*(?:;|--|#|$)",
        "vacuum": rb"~+into\b",
        "flush": rb"~+(?:tables|logs|privileges|hosts|status|binary|relay|user_resources)\b",
        "purge": rb"~+(?:binary|master|recyclebin|dba_recyclebin|table|index)\b",
        "reset": rb"~+(?:master|slave|replica|persist|session|query)\b",
        "lock unlock": rb"~+tables?\b",
        "install uninstall": rb"~+(?:plugin|component|soname)\b",
        "change": rb"~+(?:master|replication)~+(?:to|source)\b",
        "import": rb"~+(?:foreign~+schema|table~+from)\b",
        "optimize repair": rb"~+table\b",
        "discard": rb"~+(?:all|temp|plans|sequences)\s*(?:;|$|--)",
        "refresh": rb"~+materialized\b",
        "reassign": rb"~+owned\b",
        "security": rb"~+label~+",
        "unload": rb"~*\(~*['$]",
        "export": rb"~+data~+options\b",
        "deny": rb"~+[\w, ]{2,60}~on~+[\w.:]+~+to~",
        "flashback": rb"~+(?:table|database)\b",
        "notify": rb"~+\w+~*,~*['$]",
        "while": rb"~*\(?~*\d{1,6}~*=~*\d{1,6}",
        "system": rb"~+(?:shutdown|kill|flush|reload|stop|start|drop)\b",
        "exchange detach": rb"~+(?:tables|table|database|dictionary)~",
        "explain": rb"~+(?:analyze|analyse|plan~+for|select|\(analyze)\b",
        "clear": rb"~+(?:all|default|named|graph)\s*(?:;|$|--|#|<)",
        "analyse": rb"\(",
    }
)
"""Word -> what must follow it for the word to begin a statement."""
