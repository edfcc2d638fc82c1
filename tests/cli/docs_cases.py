"""The contract in docs/ and the program tell the same, both ways."""

import os
import re

import program

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")


def read(*names):
    with open(os.path.join(DOCS, *names), encoding="utf-8") as file:
        return file.read()


def documented():
    """Command words → its options; "" for the global ones; from the tables of docs/cli.md."""
    commands = {}
    command = None
    for line in read("cli.md").splitlines():
        if line.startswith("## Global options"):
            command = ""
        elif heading := re.match(r"###+ ([a-z ]+)$", line):
            command = heading[1]
        elif line.startswith("## "):
            command = None
        if command is None:
            continue
        commands.setdefault(command, set())
        if row := re.match(r"\| `(-.*?)` \|", line):
            commands[command].update(option_words(row[1]))
    return commands


def option_words(text):
    """"-r, --repo PATH" → {"-r", "--repo"}"""
    return set(re.findall(r"(?:^|[ ,])(--?[a-z][a-z-]*|-[a-z])", text))


class DocumentedOptions(program.ProgramTest):
    def help_of(self, command):
        return self.expect(0, *command.split(), "--help").text

    def offered_options(self, command):
        options = set()
        for line in self.help_of(command).splitlines():
            if row := re.match(r"  (-\S+)", line):
                options.update(row[1].split(","))
        return options

    def offered_commands(self, command=""):
        part = re.search(r"\nCommands:\n(.*?)\n\n", self.help_of(command), re.S)
        names = re.findall(r"^  ([a-z]+(?:, [a-z]+)*) ", part[1], re.M) if part else []
        return [name.split(", ") for name in names]

    def test_every_option_is_documented_and_every_documented_option_exists(self):
        for command, options in documented().items():
            with self.subTest(command=command):
                wanted = options if command == "" else options | {"-h", "--help"}
                self.assertEqual(self.offered_options(command), wanted)

    def test_every_command_is_documented_and_every_documented_command_exists(self):
        offered = {names[0] for names in self.offered_commands()}
        for group in ("key", "repair"):
            offered |= {f"{group} {names[0]}" for names in self.offered_commands(group)}
        self.assertEqual(offered, set(documented()) - {""})

    def test_aliases_are_documented(self):
        text = read("cli.md")
        for names in self.offered_commands():
            for alias in names[1:]:
                self.assertIn(f"Alias: `{alias}`", text)

    def test_every_help_has_an_example(self):
        for command in documented():
            with self.subTest(command=command):
                self.assertRegex(self.help_of(command), r"Example:\n  coppice ")

    def test_planned_commands_do_not_exist_yet(self):
        planned = read("cli.md").split("## Planned")[1]
        commands = re.findall(r"`([a-z ]+)`", planned.split("- commands:")[1].split("- options:")[0])
        self.assertGreater(len(commands), 15)
        for command in commands:
            with self.subTest(command=command):
                run = self.expect(2, *command.split())
                self.assertIn(f'there is no command "{command.split()[-1]}"', run.errors)

    def test_the_man_page_tells_every_option_and_command(self):
        page = read("man", "coppice.1").replace("\\-", "-")
        for command, options in documented().items():
            self.assertIn(command, page)
            for option in options:
                with self.subTest(command=command, option=option):
                    self.assertRegex(page, re.escape(option) + r"(?![a-z-])")

    def test_environment_variables_are_documented(self):
        text = read("cli.md")
        for name in set(re.findall(r"COPPICE_[A-Z_]+", self.help_of(""))) | {"COPPICE_HOST"}:
            self.assertIn(f"`{name}`", text)


class Completion(program.ProgramTest):
    def complete(self, *words):
        """What bash would offer for the last word."""
        script = self.expect(0, "completion", "bash").text
        command = script + (
            f'\nCOMP_WORDS=(coppice {" ".join(repr(word) for word in words)})'
            f"\nCOMP_CWORD={len(words)}\n_coppice\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"")
        import subprocess
        done = subprocess.run(["bash", "-c", command], capture_output=True, cwd=self.dir, check=True)
        return done.stdout.decode().split()

    def test_bash_offers_commands_options_and_files(self):
        self.write("some-file")
        self.assertIn("snapshots", self.complete("sna"))
        self.assertIn("--exclude-caches", self.complete("-r", "backup", "backup", "--ex"))
        self.assertIn("--repo", self.complete("backup", "--re"))
        self.assertEqual(["export"], self.complete("key", "exp"))
        self.assertIn("some-file", self.complete("backup", "some"))
        self.assertNotIn("--target", self.complete("backup", "--t"))

    def test_scripts_name_every_option(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.expect(0, "completion", shell).text
            for options in documented().values():
                for option in options:
                    name = option.lstrip("-")
                    self.assertIn(name if shell == "fish" else option, script)
        self.expect(2, "completion", "tcsh")
