"""The picture of `bottle watch` is that of the screen in its test, and shows what a terminal does."""
import importlib.machinery
import importlib.util
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def load(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(ROOT / "scripts" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Picture(unittest.TestCase):
    def setUp(self):
        self.program = load("watch-picture")

    def test_the_committed_picture_is_that_of_the_screen(self):
        screen = Path(self.program.SCREEN).read_text(encoding="ascii")
        self.assertEqual(self.program.picture(screen), Path(self.program.PICTURE).read_text(encoding="utf-8"))

    def test_texts_are_written_as_text(self):
        made = self.program.picture("a<b |--\n x\n\nbbb.lll\n.g\n")
        self.assertIn('<text class="b" x="14" y="27"', made)
        self.assertIn("a&lt;b</text>", made)
        self.assertEqual(made.count('<path class="line"'), 2, "a line down and one across")
        self.assertIn('<text class="g" x="21.8" y="44"', made)


if __name__ == "__main__":
    unittest.main()
