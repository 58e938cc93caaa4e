"""Help and complaints of the command line are told in the language asked for."""

import os
import subprocess
import sys

import pytest

WATTPROOF = "from gateway.cli import main; main(prog_name='wattproof')"
PLATFORM = "from cloud_sync.platform.cli import main; main(prog_name='wattproof-platform')"


def run(program: str, *arguments: str, locale: str = "C.UTF-8") -> str:
    """Run a command line in a locale and return all it says."""
    environment = {**os.environ, "LC_ALL": locale, "PYTHONUTF8": "1"}
    environment.pop("LANGUAGE", None)
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, encoding="utf-8")
    return done.stdout + done.stderr


@pytest.mark.parametrize("program", [WATTPROOF, PLATFORM])
def test_help_is_english_unless_asked_otherwise(program: str) -> None:
    """In a locale that is not Chinese, all of the help is ASCII."""
    assert run(program, "--help").isascii()


@pytest.mark.parametrize("program", [WATTPROOF, PLATFORM])
@pytest.mark.parametrize("arguments", [("--lang", "zh", "--help"), ("--lang=zh", "--help"), ("--help", "--lang", "zh")])
def test_help_is_chinese_when_asked(program: str, arguments: tuple[str, ...]) -> None:
    """Headings, options and the line of each command are Chinese, wherever --lang stands."""
    said = run(program, *arguments)
    assert "用法" in said and "显示本帮助并退出" in said and "命令:" in said
    commands = said.split("命令:")[1].strip().splitlines()
    assert commands and not any(line.split(maxsplit=1)[1].isascii() for line in commands)


def test_the_locale_chooses_too() -> None:
    """A Chinese locale needs no option, and --lang en overrules it."""
    assert "以 JSON 输出" in run(WATTPROOF, "check", "--help", locale="zh_CN.UTF-8")
    assert run(WATTPROOF, "--lang", "en", "check", "--help", locale="zh_CN.UTF-8").isascii()


def test_subcommands_and_long_help_are_chinese() -> None:
    """Commands of a group and help of several paragraphs are translated too."""
    assert "列出本机已知的设备模型" in run(WATTPROOF, "--lang", "zh", "profile", "list", "--help")
    assert "进行电力溯源" in run(WATTPROOF, "--lang", "zh", "trace", "--help")


def test_complaints_about_arguments_are_chinese() -> None:
    """An unknown command, a bad number and a surplus word are refused in Chinese."""
    assert "没有命令 'nosuch'" in run(WATTPROOF, "--lang", "zh", "nosuch")
    assert "的值无效" in run(WATTPROOF, "--lang", "zh", "plan", "--baud", "fast")
    assert "多余的参数（now）" in run(WATTPROOF, "--lang", "zh", "check", "now")
