from .data_files import card as card
from .errors import CourseError as CourseError
from .paths import cache_dir as cache_dir
from .paths import data_dir as data_dir
from .paths import work_dir as work_dir
from .real_files import verified_path as verified_path
