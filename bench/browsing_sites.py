"""Real web applications to be browsed behind the sidecar: how each is started, with accounts for a dozen people.

Each says what it lacks on this machine. Python applications run in an interpreter of their own choice (`--python`),
those of npm from a folder of modules (`--node-modules`). Knows nothing of browsers or of the sidecar.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from bench.processes import Cores, Server, listens
from bench.profile_apps import word

PEOPLE: Final = 16
PASSWORD: Final = "correct horse 42"
MEDIAWIKI: Final = Path("/usr/share/mediawiki")
SECONDS: Final = 300  # for one step of an installation


class Tools(NamedTuple):
    """Where applications are found: an interpreter that has them installed, a node_modules folder."""

    python: str = sys.executable
    node: Path = Path("node_modules")


class Site(NamedTuple):
    """One application. `login` is the page with the form for name and password, "" where nobody needs to say one."""

    name: str
    lacks: Callable[[Tools], str]
    start: Callable[[Tools, Path, int, Cores], Server]
    home: str = "/"
    login: str = ""


def person(number: int) -> str:
    return f"person{number % PEOPLE}"


def _module(name: str, package: str) -> Callable[[Tools], str]:
    def lacks(tools: Tools) -> str:
        found = subprocess.run([tools.python, "-c", f"import {name}"], capture_output=True, check=False)
        return f"{package} is not installed for {tools.python}" if found.returncode else ""

    return lacks


def _do(command: list[str], cwd: Path, **env: str) -> None:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, check=False, timeout=SECONDS
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])}: {done.stderr[-1000:].decode('utf-8', 'replace')}")


# -------------------------------------------------------------------------------------------------- Django

_MODELS: Final = """
from django.db import models
class Topic(models.Model):
    name = models.CharField(max_length=60)
    slug = models.SlugField(blank=True)
    def __str__(self): return self.name
class Question(models.Model):
    text = models.CharField(max_length=200)
    published = models.DateTimeField("date published", auto_now_add=True)
    topic = models.ForeignKey(Topic, models.SET_NULL, null=True, blank=True)
    weight = models.DecimalField(max_digits=6, decimal_places=2, default=1)
    notes = models.TextField(blank=True)
    open = models.BooleanField(default=True)
    def __str__(self): return self.text
class Choice(models.Model):
    question = models.ForeignKey(Question, models.CASCADE)
    text = models.CharField(max_length=200)
    votes = models.IntegerField(default=0)
"""
_ADMIN: Final = """
from django.contrib import admin
from .models import Choice, Question, Topic
class Choices(admin.TabularInline):
    model, extra = Choice, 2
@admin.register(Question)
class Questions(admin.ModelAdmin):
    inlines, list_filter, search_fields = [Choices], ["published", "topic", "open"], ["text", "notes"]
    list_display, list_editable, date_hierarchy = ["text", "published", "topic", "open"], ["open"], "published"
admin.site.register(Topic)
"""
_URLS: Final = """
from django.contrib import admin
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.html import escape
from polls.models import Choice, Question
def page(body): return HttpResponse("<!doctype html><body><a href=/>home</a> <a href=/admin/>admin</a> "
    "<form action=/><input type=search name=q><button>Search</button></form>" + body)
def index(request):
    found = Question.objects.filter(text__icontains=request.GET.get("q", "")).order_by("-id")
    start = int(request.GET.get("start", 0))
    items = "".join(f"<li><a href=/{q.id}/>{escape(q.text)}</a>" for q in found[start:start + 10])
    return page(f"<ul>{items}</ul><a href='/?start={start + 10}'>older</a>")
def detail(request, number):
    q = get_object_or_404(Question, pk=number)
    boxes = "".join(f"<label><input type=radio name=choice value={c.id}>{escape(c.text)} {c.votes}</label>" for c in q.choice_set.all())
    return page(f"<h1>{escape(q.text)}</h1><form method=post action=/{number}/vote/><input type=hidden name=csrfmiddlewaretoken value="
        f"{get_token(request)}>{boxes}<input name=remark maxlength=80><button>Vote</button></form>")
def vote(request, number):
    if chosen := Choice.objects.filter(pk=request.POST.get("choice")).first():
        chosen.votes += 1
        chosen.save()
    return redirect(f"/{number}/")
urlpatterns = [path("", index), path("<int:number>/", detail), path("<int:number>/vote/", vote), path("admin/", admin.site.urls)]
"""
_PEOPLE: Final = f"""
from django.contrib.auth import get_user_model
for number in range({PEOPLE}):
    get_user_model().objects.create_superuser(f"person{{number}}", f"p{{number}}@site.example", "{PASSWORD}")
"""
_QUESTIONS: Final = """
import random
from polls.models import Choice, Question, Topic
rng = random.Random(1)
topics = [Topic.objects.create(name=f"Topic {n}", slug=f"topic-{n}") for n in range(8)]
for n in range(60):
    q = Question.objects.create(text=f"What of number {n}?", topic=rng.choice(topics))
    for c in range(3):
        Choice.objects.create(question=q, text=f"Answer {c}")
"""


def _serve_django(tools: Tools, project: Path, port: int, where: Cores) -> Server:
    command = [tools.python, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    return Server(command, where=where.others, log=project / "log", ready=lambda: listens(port), cwd=project)


def _polls(tools: Tools, directory: Path, port: int, where: Cores) -> Server:
    _do([tools.python, "-m", "django", "startproject", "site_", str(directory)], directory)
    _do([tools.python, "manage.py", "startapp", "polls"], directory)
    (directory / "polls" / "models.py").write_text(_MODELS)
    (directory / "polls" / "admin.py").write_text(_ADMIN)
    (directory / "site_" / "urls.py").write_text(_URLS)
    with (directory / "site_" / "settings.py").open("a") as settings:
        settings.write("\nINSTALLED_APPS += ['polls']\nALLOWED_HOSTS = ['*']\n")
    _do([tools.python, "manage.py", "makemigrations", "polls"], directory)
    _do([tools.python, "manage.py", "migrate"], directory)
    _do([tools.python, "manage.py", "shell", "-c", _PEOPLE + _QUESTIONS], directory)
    return _serve_django(tools, directory, port, where)


def _wagtail(tools: Tools, directory: Path, port: int, where: Cores) -> Server:
    _do([str(Path(tools.python).with_name("wagtail")), "start", "cms", str(directory)], directory)
    _do([tools.python, "manage.py", "migrate"], directory)
    _do([tools.python, "manage.py", "shell", "-c", _PEOPLE], directory)
    return _serve_django(tools, directory, port, where)


# ---------------------------------------------------------------------------------------------------- others


def _datasette(tools: Tools, directory: Path, port: int, where: Cores) -> Server:
    rng = random.Random(2)
    with sqlite3.connect(directory / "shop.db") as base:
        base.execute("create table makers (id integer primary key, name text, country text)")
        base.execute(
            "create table goods (id integer primary key, name text, price real, maker integer references makers(id), made text)"
        )
        makers = [(n, word(rng).title(), rng.choice(("de", "fr", "pt", "jp"))) for n in range(40)]
        base.executemany("insert into makers values (?, ?, ?)", makers)
        goods = [
            (n, f"{word(rng)} {word(rng)}", rng.randrange(1, 9_000) / 100, rng.randrange(40), f"20{rng.randrange(10, 26)}-01-02")
            for n in range(2_000)
        ]  # fmt: skip
        base.executemany("insert into goods values (?, ?, ?, ?, ?)", goods)
    command = [
        tools.python,
        "-m",
        "datasette",
        "shop.db",
        "-p",
        str(port),
        "--setting",
        "sql_time_limit_ms",
        "3000",
    ]
    return Server(
        command, where=where.others, log=directory / "log", ready=lambda: listens(port), cwd=directory
    )


def _jupyter(tools: Tools, directory: Path, port: int, where: Cores) -> Server:
    for number in range(6):
        (directory / f"notes{number}.md").write_text(f"# Notes {number}\n\nSome *text*.\n")
        (directory / f"data{number}.csv").write_text("a,b\n1,2\n3,4\n")
    command = [
        tools.python, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}", "--IdentityProvider.token=",
        f"--ServerApp.root_dir={directory}", "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    env = {
        "JUPYTER_CONFIG_DIR": str(directory / ".config"),
        "JUPYTER_RUNTIME_DIR": str(directory / ".run"),
        "HOME": str(directory),
    }
    return Server(
        command,
        where=where.others,
        log=directory / "log",
        ready=lambda: listens(port),
        cwd=directory,
        env=env,
    )


def _mediawiki(tools: Tools, directory: Path, port: int, where: Cores) -> Server:
    install = ["php", "maintenance/install.php", "--confpath", str(directory), "--dbtype", "sqlite", "--dbpath", str(directory),
               "--dbname", "wiki", "--scriptpath", "", "--server", "http://localhost", "--pass", PASSWORD, "Wiki", "Owner"]  # fmt: skip
    _do(install, MEDIAWIKI)
    settings = directory / "LocalSettings.php"
    # It writes absolute links: they are to lead to the sidecar, whatever its port.
    more = "\n$wgServer = 'http://' . ( $_SERVER['HTTP_HOST'] ?? 'localhost' );\n$wgDefaultSkin = 'vector';\n"
    settings.write_text(settings.read_text() + more)
    env = {"MW_CONFIG_FILE": str(settings), "PHP_CLI_SERVER_WORKERS": "3"}
    for number in range(PEOPLE):
        _do(
            ["php", "maintenance/createAndPromote.php", "--force", f"Person{number}", PASSWORD],
            MEDIAWIKI,
            **env,
        )
    command = ["php", "-S", f"127.0.0.1:{port}", "-t", str(MEDIAWIKI)]
    return Server(command, where=where.others, log=directory / "log", ready=lambda: listens(port), env=env)


def _lacks_mediawiki(tools: Tools) -> str:
    if shutil.which("php") is None:
        return "php-cli is not installed"
    return "" if MEDIAWIKI.exists() else "mediawiki is not installed (Debian's package)"


def _tiddlywiki(tools: Tools, directory: Path, port: int, where: Cores) -> Server:
    program = str((tools.node / "tiddlywiki" / "tiddlywiki.js").resolve())
    _do(["node", program, str(directory / "wiki"), "--init", "server"], directory)
    command = ["node", program, str(directory / "wiki"), "--listen", f"port={port}", "host=127.0.0.1"]
    return Server(command, where=where.others, log=directory / "log", ready=lambda: listens(port))


def _lacks_tiddlywiki(tools: Tools) -> str:
    if shutil.which("node") is None:
        return "node is not installed"
    return "" if (tools.node / "tiddlywiki").exists() else f"tiddlywiki is not in {tools.node} (npm)"


SITES: Final = (
    Site("polls and admin (Django)", _module("django", "django"), _polls, "/", "/admin/login/?next=/"),
    Site("Wagtail", _module("wagtail", "wagtail"), _wagtail, "/admin/", "/admin/login/"),
    Site("Datasette", _module("datasette", "datasette"), _datasette),
    Site(
        "MediaWiki",
        _lacks_mediawiki,
        _mediawiki,
        "/index.php/Main_Page",
        "/index.php?title=Special:UserLogin",
    ),
    Site("TiddlyWiki", _lacks_tiddlywiki, _tiddlywiki),
    Site("JupyterLab", _module("jupyterlab", "jupyterlab"), _jupyter, "/lab"),
)
