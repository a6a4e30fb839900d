@echo off
rem Drop pictures on this file: photo.jpg gives photo-colorized.png in the same folder, with colours.
setlocal DisableDelayedExpansion
if "%~1"=="" (
    echo Drop one or more pictures on colorize.cmd.
    pause
    exit /b 2
)
"%~dp0limn.exe" colorize %*
if errorlevel 1 (
    pause
    exit /b 1
)
