"""The tables of the commands: those of all texts for people."""

from gateway.text_table import WIDTH as WIDTH
from gateway.text_table import drawn as drawn
from gateway.text_table import lines_text as lines_text
from gateway.text_table import table_text as table_text
