@echo off
rem Drop pictures on this file: photo.jpg gives photo-upscaled.png in the same folder, four times as large.
setlocal DisableDelayedExpansion
if "%~1"=="" (
    echo Drop one or more pictures on upscale.cmd.
    pause
    exit /b 2
)
"%~dp0limn.exe" upscale %*
if errorlevel 1 (
    pause
    exit /b 1
)
