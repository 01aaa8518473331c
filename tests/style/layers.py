# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Which file may include and call which: the layers of the core, the borders of the components, and
cycles.

In the core, includes and calls point down the LAYERS and never up, whatever a header declares.  In
the core, each plugin, the command line and the daemon, no cycle leads from a file over includes and
calls back to that file, nor from a subfolder back to that subfolder; x.h and x.c count as one file.
Other jobs include a job through its public headers only.  The command line and the daemon see
hangar/hangar.h alone, plugins hangar/plugin.h alone, and no plugin sees another one; the core names
no plugin, and only core/plugin loads any.  An #include names a header of its own component, in
quotes, without a macro and without "..".
"""

import functools
import os
import re

from sources import (
    blank,
    component_of,
    find_files,
    line_of,
    read_text,
    without_comments,
    without_comments_and_strings,
)

# The folders of the core, the lowest first.
LAYERS = [
    "base",
    "config",
    "plugin",
    "pipeline",
    "catalog",
    "state",
    "session",
    "inventory",
    "jobs/report",
    "jobs/notify",
    "jobs/prune",
    "jobs/backup",
    "jobs/restore",
    "jobs/verify",
    "jobs/transfer",
]
FIRST_WITH_API = LAYERS.index("state")
# What another job may include of a job.
PUBLIC_OF_JOBS = {
    "jobs/report": {"status.h", "status_document.h"},
    "jobs/notify": {"alerts.h", "notify.h"},
    "jobs/prune": {"prune.h"},
    "jobs/backup": {"backup.h"},
    "jobs/restore": {"targets.h"},
    "jobs/verify": {"verify.h"},
}
CORE_FOLDERS = {layer.split("/")[0] for layer in LAYERS} | {"hangar"}
PUBLIC_PLUGIN = "hangar/plugin.h"
PUBLIC_API = "hangar/hangar.h"
COMPONENTS = {"core", "cli", "daemon", "plugins"}
# What a component may include besides itself: `hangar daemon` and `hangar metrics` are commands.
LIBRARY_OF = {"cli": "daemon", "plugins/lib": None}
MADE_BY_THE_BUILD = {"crc64_table.h"}
# Headers of the system whose names files of hangar have as well.
SYSTEM_HEADERS = {"locale.h", "yaml.h"}
LIBRARIES_OF_PLUGINS = re.compile(
    r"^(libpq|postgres|pg_|hiredis|zlib|libdeflate|isa-l|igzip|zstd|lz4|lzma|curl/)"
)


def includes(text):
    """(line, name, is it quoted) of each #include that is not in a comment."""
    bare = without_comments(text)
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', bare, re.M):
        yield line_of(text, match.start()), match[2], match[1] == '"'


def hidden_includes(text):
    """(line, problem) of the directives by which an include could escape includes()."""
    for match in re.finditer(r"^[ \t]*(?:#|%:|\?\?=)((?:\\\n|.)*)", without_comments(text), re.M):
        directive = match[1].strip()
        line = line_of(text, match.start())
        if not match[0].lstrip().startswith("#"):
            yield line, "a directive begins with #"
        elif "\n" in directive and not directive.startswith("define"):
            yield line, "a directive in two lines"
        elif re.match(r"(include_next|import|embed)\b", directive):
            yield line, f"#{directive.split()[0]} is not of this language's standard; write #include"
        elif re.match(r'include\b(?!\s*[<"])', directive):
            yield line, "an #include of a macro: write the name of the header"


def layer_of(path):
    """The layer that "jobs/prune/x.h" (below core/) lies in, at any depth, or None."""
    parts = path.split("/")[:-1]
    for length in range(len(parts), 0, -1):
        if "/".join(parts[:length]) in LAYERS:
            return "/".join(parts[:length])
    return None


def check_include_of_core(layer, name):
    """Why core/LAYER may not include NAME, or None."""
    if name == PUBLIC_PLUGIN:
        return None
    if name == PUBLIC_API:
        low = LAYERS.index(layer) < FIRST_WITH_API
        return f"{PUBLIC_API} is for core/{LAYERS[FIRST_WITH_API]} and above" if low else None
    if LIBRARIES_OF_PLUGINS.match(name):
        return f"only plugins use the library of <{name}>"
    if name == "dlfcn.h" and layer != "plugin":
        return "only core/plugin loads plugins"
    other = layer_of(name)
    if other and LAYERS.index(other) > LAYERS.index(layer):
        return f'upward include: core/{layer} must not know "{name}"'
    if other and other.startswith("jobs/") and other != layer:
        if name[len(other) + 1 :] not in PUBLIC_OF_JOBS.get(other, set()):
            return f'"{name}" is private to core/{other}'
    return None


def check_include_of_guest(root, path, name, quoted):
    """The same for code that sees one public header and the files of its own component."""
    component = component_of(path)
    library = LIBRARY_OF.get(component, "plugins/lib" if component.startswith("plugins/") else None)
    allowed = PUBLIC_PLUGIN if component.startswith("plugins/") else PUBLIC_API
    if name == allowed or name in MADE_BY_THE_BUILD:
        return None
    if name.split("/")[0] in CORE_FOLDERS:
        return f"{name} is beyond its border: of hangar, only <{allowed}> may be included"
    folders = [os.path.dirname(path), component] + ([library] if library else [])
    if quoted and not any(os.path.exists(os.path.join(root, f, name)) for f in folders):
        seen = " or ".join(folders[1:])
        return f"{name} is beyond its border: not in {seen}; of hangar, only <{allowed}> may be included"
    return None


def check_name_of_include(root, path, name, quoted):
    """Why nothing may be included by this name, or None."""
    if not name.endswith(".h"):
        return f'"{name}" is not a header'
    if name.startswith("/") or {".", ".."} & set(name.split("/")):
        return f'"{name}": write the path from the top folder of its component, without ".."'
    if not quoted and name not in (PUBLIC_API, PUBLIC_PLUGIN) and name not in SYSTEM_HEADERS:
        if any(f"/{header}".endswith(f"/{name}") for header in private_headers(root)):
            return f"<{name}> is a header of hangar: include it in quotes"
    return None


@functools.lru_cache(maxsize=1)
def private_headers(root):
    return [
        path
        for path in find_files(root)
        if path.endswith(".h") and path.split("/")[0] in COMPONENTS
    ]


def check_includes(root, path, text):
    parts = path.split("/")
    if parts[0] not in COMPONENTS:
        return
    if os.path.islink(os.path.join(root, path)):
        yield 1, "a symbolic link: a source file has one place"
    yield from hidden_includes(text)
    for line, name, quoted in includes(text):
        problem = None
        if path.startswith("core/include/"):
            if name.startswith("hangar/") or quoted:
                problem = "a public header includes no other header of hangar"
        elif parts[0] == "core" and not layer_of(path[len("core/") :]):
            problem = f"core/{'/'.join(parts[1:-1])} is not a layer: see LAYERS in layers.py"
        elif parts[0] == "core":
            problem = check_include_of_core(layer_of(path[len("core/") :]), name)
            if not problem and quoted and not os.path.exists(os.path.join(root, "core", name)):
                problem = f'"{name}" is not in core/: include as "folder/file.h"'
        elif component_of(path):
            problem = check_include_of_guest(root, path, name, quoted)
        problem = problem or check_name_of_include(root, path, name, quoted)
        if problem:
            yield line, problem


def check_names(path, text, plugins):
    """Names that do not belong into the core."""
    if not path.startswith("core/"):
        return
    for plugin in plugins:
        word = rf"(?<![a-z0-9_-]){re.escape(plugin)}(?![a-z0-9_-])"
        for match in re.finditer(word, text, re.I):
            yield line_of(text, match.start()), f'the core names the plugin "{plugin}"'
    if not path.startswith("core/plugin/") and not path.startswith("core/include/"):
        for match in re.finditer(r"\bdl(m?open|v?sym|close|error)\b", text):
            yield line_of(text, match.start()), f"{match[0]}: only core/plugin loads plugins"


# ---- includes and calls between files ----

# A function that other files can call, as clang-format lays out its definition.
DEFINITION = re.compile(
    r"^(?!static\b|typedef\b|extern\b)[A-Za-z][\w \*]*?\b(\w+)\([^;{}]*\)\n\{", re.M
)
# Data that other files can use: a table, a counter.
DATA = re.compile(
    r"^(?!static\b|typedef\b|extern\b|struct \w+ \{|enum\b|return\b)"
    r"[A-Za-z][\w \*]*?\b(\w+)(?:\[[^\]\n]*\])*\s*(?:=|;)",
    re.M,
)
WORD = re.compile(r"(?:\b(struct|enum|union)\s+)?\b([A-Za-z_]\w*)")


def inline_bodies(text):
    """The bodies of a header's inline functions; all else is blank, so that lines keep numbers."""
    kept = list(blank(text))
    for match in re.finditer(r"^static inline [^;{]*\n\{\n(.*?)^\}", text, re.M | re.S):
        kept[match.start(1) : match.end(1)] = match[1]
    return "".join(kept)


class Graph:
    """The includes and calls between the files of one component: edges[a][b] = (line, text)."""

    def __init__(self, component, texts):
        self.component = component
        self.texts = texts
        self.edges = {path: {} for path in texts}
        bare = {path: without_comments_and_strings(text) for path, text in texts.items()}
        owners = {}
        for path in sorted(texts):
            if path.endswith(".c"):
                for pattern in (DEFINITION, DATA):
                    for match in pattern.finditer(bare[path]):
                        owners.setdefault(match[1], path)
        for path, text in texts.items():
            for line, name, _ in includes(text):
                target = self.find(path, name)
                if target and target != path:
                    self.edges[path].setdefault(target, (line, f'includes "{name}"'))
            # a header declares what others define: only what its inline functions use counts
            used = bare[path] if path.endswith(".c") else inline_bodies(bare[path])
            for match in WORD.finditer(used):
                target = None if match[1] else owners.get(match[2])
                if target and target != path:
                    where = (line_of(used, match.start()), f"calls {match[2]}")
                    self.edges[path].setdefault(target, where)

    def find(self, path, name):
        """The file of the component that an include means, or None."""
        folder = os.path.dirname(path)
        for place in (folder, self.component, os.path.dirname(folder)):
            target = os.path.normpath(os.path.join(place, name))
            if target in self.texts:
                return target
        return None


def cycles(nodes, edges):
    """The strongly connected sets of more than one node (Tarjan), each sorted."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        for other in sorted(edges.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on_stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            members = set()
            while node not in members:
                members.add(stack.pop())
            on_stack.difference_update(members)
            if len(members) > 1:
                found.append(sorted(members))

    for node in sorted(nodes):
        if node not in index:
            visit(node)
    return found


def check_calls_of_core(graph):
    """Calls that point up; includes are checked file by file."""
    for path, targets in graph.edges.items():
        for target, (line, text) in targets.items():
            if points_up(path, target) and text.startswith("calls"):
                yield path, line, f"upward call: {path} must not know {target}, it {text}"


def points_up(path, target):
    """In the core: does this edge point to a higher layer?  It is reported as such."""
    layers = [layer_of(p[len("core/") :]) for p in (path, target)]
    return path.startswith("core/") and None not in layers and (
        LAYERS.index(layers[1]) > LAYERS.index(layers[0])
    )


def unit_of(path):
    """A header and the source file of its name are one thing: who includes x.h includes x.c."""
    return os.path.splitext(path)[0]


def check_cycles(graph):
    units, uses = {}, []
    for path, targets in graph.edges.items():
        units.setdefault(unit_of(path), set())
        for target, (line, text) in targets.items():
            pair = unit_of(path), unit_of(target)
            if pair[0] != pair[1] and not points_up(path, target):
                units[pair[0]].add(pair[1])
                uses.append((path, line, pair, f"a cycle of files: it {text} of {target}"))
    for members in cycles(units, units):
        for path, line, pair, text in sorted(uses):
            if pair[0] in members and pair[1] in members:
                yield path, line, text
    folders, examples = {}, {}
    for path, targets in graph.edges.items():
        for target, where in targets.items():
            if points_up(path, target):
                continue
            pair = os.path.dirname(path), os.path.dirname(target)
            # a component's own folder holds its highest and its lowest files
            if pair[0] != pair[1] and graph.component not in pair:
                folders.setdefault(pair[0], set()).add(pair[1])
                examples.setdefault(pair, (path, *where))
    for members in cycles(folders, folders):
        for pair, (path, line, text) in sorted(examples.items()):
            if pair[0] in members and pair[1] in members:
                yield path, line, f"a cycle of folders: {pair[0]} and {pair[1]}, it {text}"


def check_graphs(root):
    components = {}
    for path in find_files(root):
        component = component_of(path)
        if component and path.endswith((".c", ".h")) and not path.startswith("core/include/"):
            text = read_text(os.path.join(root, path))
            if text is not None:
                components.setdefault(component, {})[path] = text
    for component, texts in sorted(components.items()):
        graph = Graph(component, texts)
        if component == "core":
            yield from check_calls_of_core(graph)
        yield from check_cycles(graph)
